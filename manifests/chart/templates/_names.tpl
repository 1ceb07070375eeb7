{{- define "serin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.fullname" -}}
{{- $name := include "serin.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "serin.controller" -}}
{{- printf "%s-%s" (include "serin.fullname" .) .Values.controller.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.backend" -}}
{{- printf "%s-%s" (include "serin.fullname" .) .Values.defaultBackend.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.admission" -}}
{{- printf "%s-%s" (include "serin.fullname" .) .Values.controller.admissionWebhooks.name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "serin.webhookService" -}}
{{- printf "%s-admission" (include "serin.controller" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The controller renews the certificate only where it may tell the API server. */}}
{{- define "serin.rotation" -}}
{{- $w := .Values.controller.admissionWebhooks -}}
{{- if and $w.enabled (not $w.certManager.enabled) (not .Values.rbac.scope) (ne $w.rotation "off") }}{{ $w.rotation }}{{ end -}}
{{- end -}}

{{- define "serin.account" -}}
{{- default (ternary (include "serin.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "serin.backendAccount" -}}
{{- with .Values.defaultBackend.serviceAccount }}{{ default (ternary (include "serin.backend" $) "default" .create) .name }}{{ end -}}
{{- end -}}

{{- define "serin.admissionAccount" -}}
{{- with .Values.controller.admissionWebhooks.patch.serviceAccount }}{{ default (ternary (include "serin.admission" $) "default" .create) .name }}{{ end -}}
{{- end -}}

{{- define "serin.electionID" -}}
{{- default (printf "%s-leader" (include "serin.fullname" .)) .Values.controller.electionID -}}
{{- end -}}

{{- define "serin.watched" -}}
{{- if .Values.controller.scope.enabled }}{{ default (include "serin.namespace" .) .Values.controller.scope.namespace }}{{ end -}}
{{- end -}}

{{- define "serin.selector" -}}
app.kubernetes.io/name: {{ include "serin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A list of the root and the component, and labels more. */}}
{{- define "serin.labels" -}}
{{- $root := index . 0 -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" (include "serin.name" $root)
  "app.kubernetes.io/managed-by" $root.Release.Service
  "app.kubernetes.io/component" (index . 1) -}}
{{- $labels := merge (fromYaml (include "serin.selector" $root)) $own $root.Values.commonLabels -}}
{{- range slice . 2 }}{{ $labels = merge $labels (. | default dict) }}{{ end -}}
{{- toYaml $labels -}}
{{- end -}}

{{/* A list of the root, the values of an image and the tag where they have none. */}}
{{- define "serin.image" -}}
{{- $image := index . 1 -}}
{{- $registry := default (index . 0).Values.global.image.registry $image.registry -}}
{{- $path := default (ternary $image.image (printf "%s/%s" $registry $image.image) (empty $registry)) $image.repository -}}
{{- printf "%s:%s" $path (default (index . 2) $image.tag) -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* A list of the values of an image and whether its program takes ports under 1024. */}}
{{- define "serin.containerSecurity" -}}
{{- $image := index . 0 -}}
runAsNonRoot: {{ $image.runAsNonRoot }}
runAsUser: {{ $image.runAsUser }}
runAsGroup: {{ $image.runAsGroup }}
allowPrivilegeEscalation: {{ $image.allowPrivilegeEscalation }}
readOnlyRootFilesystem: {{ $image.readOnlyRootFilesystem }}
{{- with $image.seccompProfile }}
seccompProfile: {{ toYaml . | nindent 2 }}
{{- end }}
capabilities:
  drop: [ALL]
  {{- if index . 1 }}
  add: [NET_BIND_SERVICE]
  {{- end }}
{{- end -}}
