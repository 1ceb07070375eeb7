/** Name of the host that gets what no other one has. */
export const CATCH_ALL = '_';

/** Id of the upstream of --default-backend-service, as ingress-nginx names it; also what logs call the built-in 404 in its place. */
export const DEFAULT_BACKEND = 'upstream-default-backend';
