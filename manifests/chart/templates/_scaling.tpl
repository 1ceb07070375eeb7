{{/* A list of the root, a component, its values, and the name of its workload. */}}
{{- define "serin.scaling" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}{{- $values := index . 2 -}}{{- $name := index . 3 -}}
{{- $isScaled := $values.autoscaling.enabled -}}
{{- $replicas := ternary $values.autoscaling.minReplicas $values.replicaCount $isScaled | int -}}
{{- if or (gt $replicas 1) (eq (default "" $values.kind) "DaemonSet") }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  namespace: {{ include "serin.namespace" $root }}
  labels: {{- include "serin.labels" (list $root $component $values.labels) | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "serin.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ $component }}
  {{- if $values.maxUnavailable }}
  maxUnavailable: {{ $values.maxUnavailable }}
  {{- else }}
  minAvailable: {{ $values.minAvailable }}
  {{- end }}
  {{- with $values.unhealthyPodEvictionPolicy }}
  unhealthyPodEvictionPolicy: {{ . }}
  {{- end }}
{{- end }}
{{- if and $isScaled (ne (default "" $values.kind) "DaemonSet") }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  namespace: {{ include "serin.namespace" $root }}
  labels: {{- include "serin.labels" (list $root $component $values.labels) | nindent 4 }}
  {{- with $values.autoscaling.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ $name }} }
  minReplicas: {{ $values.autoscaling.minReplicas }}
  maxReplicas: {{ $values.autoscaling.maxReplicas }}
  metrics:
    {{- range $resource, $percent := dict "memory" $values.autoscaling.targetMemoryUtilizationPercentage "cpu" $values.autoscaling.targetCPUUtilizationPercentage }}
    {{- with $percent }}
    - type: Resource
      resource: { name: {{ $resource }}, target: { type: Utilization, averageUtilization: {{ . }} } }
    {{- end }}
    {{- end }}
    {{- with $values.autoscalingTemplate }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $values.autoscaling.behavior }}
  behavior: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
