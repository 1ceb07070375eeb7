{{/* docs/rbac.md says what each is for. */}}
{{- define "serin.watchedRules" -}}
- { apiGroups: [""], resources: [configmaps, endpoints, secrets], verbs: [list, watch] }
- { apiGroups: [""], resources: [services], verbs: [get, list, watch] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch] }
- { apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [get, list, watch] }
- { apiGroups: [networking.k8s.io], resources: [ingresses/status], verbs: [update] }
- { apiGroups: [""], resources: [events], verbs: [create, patch] }
{{- end -}}

{{- define "serin.clusterRules" -}}
- { apiGroups: [""], resources: [nodes], verbs: [get] }
- { apiGroups: [networking.k8s.io], resources: [ingressclasses], verbs: [list, watch] }
{{- if .Values.controller.scope.namespaceSelector }}
- { apiGroups: [""], resources: [namespaces], verbs: [list, watch] }
{{- end }}
{{- if include "serin.rotation" . }}
- { apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], resourceNames: [{{ include "serin.admission" . }}], verbs: [get, update] }
{{- end }}
{{- end -}}

{{- define "serin.ownRules" -}}
- { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create] }
- { apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [{{ include "serin.electionID" . }}], verbs: [get, update] }
- { apiGroups: [""], resources: [pods], verbs: [get, list] }
{{- if include "serin.rotation" . }}
- { apiGroups: [""], resources: [secrets], resourceNames: [{{ include "serin.admission" . }}], verbs: [get, update] }
{{- end }}
{{- end -}}
