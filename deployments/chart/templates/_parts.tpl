{{- define "cct-ops.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}{{ if hasPrefix "@" $tag }}{{ $tag }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{- define "cct-ops.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Labels that say more, for people; selectors must not have them. */}}
{{- define "cct-ops.allLabels" -}}
{{ include "cct-ops.labels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The keys of the Secret that a part is given; those that are missing there are left out. */}}
{{- define "cct-ops.keys" -}}
{{- $all := dict
  "migrate" (list "CCT_OPS_DATABASE_URL" "PREFECT_API_DATABASE_CONNECTION_URL")
  "deploy" (list "PREFECT_API_AUTH_STRING")
  "gateway" (list "CCT_OPS_DATABASE_URL" "CCT_OPS_ALERTMANAGER_KEY" "approvals" "SLACK_BOT_TOKEN" "SLACK_WEBHOOK_URL" "CCT_OPS_SLACK_SIGNING_SECRET")
  "controller" (list "CCT_OPS_DATABASE_URL" "PREFECT_API_AUTH_STRING" "X_API_KEY" "SLACK_BOT_TOKEN" "SLACK_WEBHOOK_URL" "GH_TOKEN" "CCT_OPS_HEARTBEAT_URL")
  "board" (list "CCT_OPS_DATABASE_URL" "PREFECT_API_AUTH_STRING" "X_API_KEY" "board-oidc" "SLACK_BOT_TOKEN" "SLACK_WEBHOOK_URL")
  "worker" (list "CCT_OPS_DATABASE_URL" "PREFECT_API_AUTH_STRING" "X_API_KEY" "SLACK_BOT_TOKEN" "SLACK_WEBHOOK_URL" "GH_TOKEN")
-}}
{{- get $all . | toJson -}}
{{- end }}

{{- define "cct-ops.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end }}

{{- /* All of a pod but its container's ports, probes and further volumes. Takes: root, part. */}}
{{- define "cct-ops.pod" -}}
automountServiceAccountToken: false   # no part asks Kubernetes anything
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Takes: root, rules, which says whether they are mounted. */}}
{{- define "cct-ops.env" -}}
- {name: CCT_OPS_SECRETS_PATH, value: /run/secrets/cct-ops}
- {name: CCT_URL, value: {{ .root.Values.cct.url | quote }}}
- {name: CCT_OPS_GATEWAY_URL, value: {{ .root.Values.gateway.url | quote }}}
- {name: CCT_OPS_BOARD_URL, value: {{ .root.Values.board.url | quote }}}
- {name: CCT_OPS_PREFECT_UI_URL, value: {{ .root.Values.prefect.ui | quote }}}
- {name: PREFECT_API_URL, value: {{ .root.Values.prefect.api | quote }}}
- {name: CCT_OPS_METRICS_HOST, value: 0.0.0.0}
{{- range $name, $_ := .rules }}
- {name: CCT_OPS_{{ $name | trimSuffix ".yaml" | upper }}_PATH, value: /etc/cct-ops/{{ $name }}}
{{- end }}
{{- range $name, $value := .root.Values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "cct-ops.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/cct-ops, readOnly: true}
{{- if .rules }}
- {name: rules, mountPath: /etc/cct-ops, readOnly: true}
{{- end }}
{{- end }}

{{- define "cct-ops.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .root.Values.secret }}
          optional: true   # of its keys; a part says which one it lacks
          items:
            {{- range include "cct-ops.keys" .part | fromJsonArray }}
            - {key: {{ . }}, path: {{ . }}}
            {{- end }}
{{- if .rules }}
- name: rules
  configMap: {name: {{ .root.Release.Name }}-cct-ops-rules}
{{- end }}
{{- end }}

{{- /* Where a part answers as long as its process does. The board answers under its own name alone. */}}
{{- define "cct-ops.alive" -}}
{{- if eq .part "gateway" -}}
path: /healthz
port: http
{{- else if eq .part "board" -}}
path: /healthz
port: http
httpHeaders: [{name: Host, value: {{ (urlParse .root.Values.board.url).host }}}]
{{- else -}}
path: /metrics
port: metrics
{{- end -}}
{{- end }}
