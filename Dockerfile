# A small non-root image that takes ingress-nginx's place: uid 101, the same entry points.
FROM node:26-alpine AS build
WORKDIR /build
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
RUN npm ci
COPY src ./src
RUN npm run prepack && npm prune --omit=dev

FROM node:26-alpine
RUN apk add --no-cache dumb-init libcap \
    && setcap cap_net_bind_service=+ep /usr/local/bin/node \
    && setcap -v cap_net_bind_service=+ep /usr/local/bin/node \
    && apk del libcap \
    && rm -rf /usr/local/lib/node_modules /opt/yarn* \
    && { grep -q '^www-data:' /etc/group || addgroup -g 82 -S www-data; } \
    && { grep -q '^www-data:' /etc/passwd || adduser -S -D -H -u 101 -G www-data www-data; }
WORKDIR /serin
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --chmod=0755 docker/nginx-ingress-controller docker/wait-shutdown /
USER 101:82
EXPOSE 80 443 8443 10254
ENTRYPOINT ["/usr/bin/dumb-init", "--"]
CMD ["/nginx-ingress-controller"]
