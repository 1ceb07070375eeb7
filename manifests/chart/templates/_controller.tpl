{{- define "serin.args" -}}
{{- $c := .Values.controller -}}
{{- $args := list "/nginx-ingress-controller" -}}
{{- $args = append $args (printf "--election-id=%s" (include "serin.electionID" .)) -}}
{{- $args = append $args (printf "--controller-class=%s" $c.ingressClassResource.controllerValue) -}}
{{- if $c.ingressClass }}{{ $args = append $args (printf "--ingress-class=%s" $c.ingressClass) }}{{ end -}}
{{- $args = append $args (printf "--configmap=%s/%s" (default "$(POD_NAMESPACE)" $c.configMapNamespace) (include "serin.controller" .)) -}}
{{- $args = append $args (printf "--enable-metrics=%v" $c.metrics.enabled) -}}
{{- if .Values.defaultBackend.enabled }}{{ $args = append $args (printf "--default-backend-service=$(POD_NAMESPACE)/%s" (include "serin.backend" .)) }}{{ end -}}
{{- with include "serin.published" . }}{{ $args = append $args (printf "--publish-service=%s" .) }}{{ end -}}
{{- if .Values.tcp }}{{ $args = append $args (printf "--tcp-services-configmap=%s/%s-tcp" (default "$(POD_NAMESPACE)" $c.tcp.configMapNamespace) (include "serin.fullname" .)) }}{{ end -}}
{{- if .Values.udp }}{{ $args = append $args (printf "--udp-services-configmap=%s/%s-udp" (default "$(POD_NAMESPACE)" $c.udp.configMapNamespace) (include "serin.fullname" .)) }}{{ end -}}
{{- with include "serin.watched" . }}{{ $args = append $args (printf "--watch-namespace=%s" .) }}{{ end -}}
{{- if and $c.scope.namespaceSelector (not $c.scope.enabled) }}{{ $args = append $args (printf "--watch-namespace-selector=%s" $c.scope.namespaceSelector) }}{{ end -}}
{{- if and $c.reportNodeInternalIp $c.hostNetwork }}{{ $args = append $args "--report-node-internal-ip-address=true" }}{{ end -}}
{{- with $c.admissionWebhooks }}{{ if .enabled -}}
{{- $args = concat $args (list (printf "--validating-webhook=:%v" .port) (printf "--validating-webhook-certificate=%s" .certificate) (printf "--validating-webhook-key=%s" .key)) -}}
{{- end }}{{ end -}}
{{- with include "serin.rotation" . -}}
{{- $name := include "serin.admission" $ -}}
{{- $service := include "serin.webhookService" $ -}}
{{- $args = concat $args (list (printf "--validating-webhook-rotation=%s" .) (printf "--validating-webhook-secret=%s" $name) (printf "--validating-webhook-configuration=%s" $name) (printf "--validating-webhook-host=%s,%s.$(POD_NAMESPACE).svc" $service $service)) -}}
{{- end -}}
{{- if not $c.enableAnnotationValidations }}{{ $args = append $args "--enable-annotation-validation=false" }}{{ end -}}
{{- if $c.ingressClassByName }}{{ $args = append $args "--ingress-class-by-name=true" }}{{ end -}}
{{- if $c.watchIngressWithoutClass }}{{ $args = append $args "--watch-ingress-without-class=true" }}{{ end -}}
{{- if $c.enableTopologyAwareRouting }}{{ $args = append $args "--enable-topology-aware-routing=true" }}{{ end -}}
{{- if $c.disableLeaderElection }}{{ $args = append $args "--disable-leader-election=true" }}{{ end -}}
{{- with $c.electionTTL }}{{ $args = append $args (printf "--election-ttl=%s" .) }}{{ end -}}
{{- with $c.healthCheckHost }}{{ $args = append $args (printf "--healthz-host=%s" .) }}{{ end -}}
{{- if ne $c.healthCheckPath "/healthz" }}{{ $args = append $args (printf "--health-check-path=%s" $c.healthCheckPath) }}{{ end -}}
{{- range $name, $value := $c.extraArgs -}}
{{- $text := toString $value -}}
{{- $args = append $args (ternary (printf "--%s" $name) (printf "--%s=%s" $name $text) (or (kindIs "invalid" $value) (eq $text ""))) -}}
{{- end -}}
{{- toYaml $args -}}
{{- end -}}

{{/* The Service whose address Ingresses get; empty: none. */}}
{{- define "serin.published" -}}
{{- $c := .Values.controller -}}
{{- $name := include "serin.controller" . -}}
{{- if and $c.publishService.enabled $c.service.enabled (or $c.service.external.enabled (and $c.service.internal.enabled (include "serin.isInternalSafe" .))) -}}
{{- $own := ternary $name (printf "%s-internal" $name) $c.service.external.enabled -}}
{{- default (printf "$(POD_NAMESPACE)/%s" $own) $c.publishService.pathOverride -}}
{{- end -}}
{{- end -}}

{{/* Without annotations (of the cloud) an internal load balancer would be one for everybody. */}}
{{- define "serin.isInternalSafe" -}}
{{- with .Values.controller.service.internal }}{{ if or .annotations (eq .type "ClusterIP") }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "serin.l4PortName" -}}
{{- printf "%s%v-%s" (ternary "" (printf "%s-" (index . 0)) (empty (index . 0))) (index . 1) (index . 2) -}}
{{- end -}}

{{/* Values of ingress-nginx often pin its image: with it the release would be one of ingress-nginx still. */}}
{{- define "serin.controllerImage" -}}
{{- $image := include "serin.image" (list . .Values.controller.image .Chart.AppVersion) -}}
{{- if contains "ingress-nginx/controller" $image -}}
{{- fail (printf "controller.image: %s is ingress-nginx's image; leave registry, repository, image, tag and digest out, or name Serin's" $image) -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{/* The template of the controller's Pods: one for a Deployment and a DaemonSet. */}}
{{- define "serin.pod" -}}
{{- $c := .Values.controller -}}
metadata:
  labels: {{- include "serin.labels" (list . "controller" $c.labels $c.podLabels) | nindent 4 }}
  {{- with $c.podAnnotations }}
  annotations: {{- range $key, $value := . }}
    {{ $key }}: {{ tpl (toString $value) $ | quote }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "serin.account" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountServiceAccountToken }}
  dnsPolicy: {{ ternary "ClusterFirstWithHostNet" $c.dnsPolicy (and $c.hostNetwork (eq $c.dnsPolicy "ClusterFirst")) }}
  terminationGracePeriodSeconds: {{ $c.terminationGracePeriodSeconds }}
  {{- if $c.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if $c.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $key := list "dnsConfig" "hostname" "hostAliases" "runtimeClassName" "priorityClassName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with get $c $key }}
  {{ $key }}: {{ tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if or $c.podSecurityContext $c.sysctls }}
  securityContext:
    {{- with $c.podSecurityContext }}{{ toYaml . | nindent 4 }}{{ end }}
    {{- with $c.sysctls }}
    sysctls:
      {{- range $name, $value := . }}
      - { name: {{ $name | quote }}, value: {{ $value | quote }} }
      {{- end }}
    {{- end }}
  {{- end }}
  {{- with $c.extraInitContainers }}
  initContainers: {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ $c.containerName }}
      image: {{ include "serin.controllerImage" . }}
      imagePullPolicy: {{ $c.image.pullPolicy }}
      args: {{- include "serin.args" . | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        - name: POD_NAMESPACE
          valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
        {{- with $c.extraEnvs }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        {{- range $name, $port := $c.containerPort }}
        - name: {{ $name }}
          containerPort: {{ $port }}
          protocol: TCP
          {{- if $c.hostPort.enabled }}
          hostPort: {{ default $port (get $c.hostPort.ports $name) }}
          {{- end }}
        {{- end }}
        - { name: {{ $c.metrics.portName }}, containerPort: {{ $c.metrics.port }}, protocol: TCP }
        {{- if $c.admissionWebhooks.enabled }}
        - { name: webhook, containerPort: {{ $c.admissionWebhooks.port }}, protocol: TCP }
        {{- end }}
        {{- range $kind := list "tcp" "udp" }}
        {{- range $port, $_ := get $.Values $kind }}
        - name: {{ include "serin.l4PortName" (list $.Values.portNamePrefix $port $kind) }}
          containerPort: {{ $port }}
          protocol: {{ upper $kind }}
          {{- if $c.hostPort.enabled }}
          hostPort: {{ $port }}
          {{- end }}
        {{- end }}
        {{- end }}
      volumeMounts:
        {{- if $c.admissionWebhooks.enabled }}
        - { name: webhook-cert, mountPath: {{ dir $c.admissionWebhooks.certificate }}, readOnly: true }
        {{- end }}
        - { name: request-bodies, mountPath: /tmp }
        {{- with $c.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- range $key := list "livenessProbe" "readinessProbe" "startupProbe" "lifecycle" "resources" "resizePolicy" }}
      {{- with get $c $key }}
      {{ $key }}: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      securityContext: {{- default (include "serin.containerSecurity" (list $c.image true) | fromYaml) $c.containerSecurityContext | toYaml | nindent 8 }}
    {{- with $c.extraContainers }}{{ tpl (toYaml .) $ | nindent 4 }}{{ end }}
  volumes:
    {{- with $c.admissionWebhooks }}
    {{- if .enabled }}
    - name: webhook-cert
      secret:
        secretName: {{ include "serin.admission" $ }}
        {{- if .certManager.enabled }}
        items:
          - { key: tls.crt, path: {{ base .certificate }} }
          - { key: tls.key, path: {{ base .key }} }
        {{- end }}
    {{- end }}
    {{- end }}
    - name: request-bodies
      emptyDir: {{- toYaml $c.bodyVolume | nindent 8 }}
    {{- with $c.extraVolumes }}{{ tpl (toYaml .) $ | nindent 4 }}{{ end }}
{{- end -}}
