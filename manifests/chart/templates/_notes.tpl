{{- define "serin.notes" -}}
Serin {{ .Chart.AppVersion }} is installed as {{ include "serin.namespace" . }}/{{ include "serin.controller" . }}.
{{- $c := .Values.controller }}
{{- $idle := list }}
{{- if $c.image.chroot }}{{ $idle = append $idle "controller.image.chroot: there is no chroot; the image is the one of controller.image" }}{{ end }}
{{- if $c.image.digestChroot }}{{ $idle = append $idle "controller.image.digestChroot: there is no chroot" }}{{ end }}
{{- if $c.allowSnippetAnnotations }}{{ $idle = append $idle "controller.allowSnippetAnnotations: Ingresses with snippets are let in and served, their snippets are never run" }}{{ end }}
{{- if $c.customTemplate }}{{ $idle = append $idle "controller.customTemplate: there is no nginx.conf to make" }}{{ end }}
{{- if not $c.enableMimalloc }}{{ $idle = append $idle "controller.enableMimalloc: memory is Node's" }}{{ end }}
{{- if $c.extraModules }}{{ $idle = append $idle "controller.extraModules: there are no nginx modules to load" }}{{ end }}
{{- if $c.keda.enabled }}{{ $idle = append $idle "controller.keda: no ScaledObject is made; write one for this Deployment, whose replicas are left alone" }}{{ end }}
{{- if $c.maxmindLicenseKey }}{{ $idle = append $idle "controller.maxmindLicenseKey: there is no GeoIP" }}{{ end }}
{{- if $c.opentelemetry }}{{ $idle = append $idle "controller.opentelemetry: it is part of the image; switch it on with enable-opentelemetry in controller.config" }}{{ end }}
{{- if $c.admissionWebhooks.patch.image }}{{ $idle = append $idle "controller.admissionWebhooks.patch.image: the Jobs run the image of controller.image" }}{{ end }}
{{- if and $c.service.internal.enabled (not (include "serin.isInternalSafe" .)) }}{{ $idle = append $idle "controller.service.internal.enabled: without controller.service.internal.annotations, or the type ClusterIP, it would be a load balancer for everybody" }}{{ end }}
{{- with $idle }}

These values set nothing:
{{- range . }}
  {{ . }}
{{- end }}
{{- end }}
{{- if and (not $c.admissionWebhooks.patch.enabled) (not $c.admissionWebhooks.certManager.enabled) $c.admissionWebhooks.enabled }}

controller.admissionWebhooks.patch.enabled is false: the Secret {{ include "serin.admission" . }} (cert, key) and the caBundle of the
ValidatingWebhookConfiguration {{ include "serin.admission" . }} are yours to make.
{{- end }}

docs/replace-ingress-nginx.md says how to take ingress-nginx's place, and how to go back.
{{- end -}}
