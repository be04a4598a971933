{{- define "litz.name" -}}
{{- .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "litz.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "litz.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "litz.fullname" .) -}}
{{- end -}}

{{- define "litz.labels" -}}
app.kubernetes.io/name: {{ include "litz.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Labels for the selector of a DaemonSet. A selector can't be changed after the DaemonSet was made. */}}
{{- define "litz.selectorLabels" -}}
app.kubernetes.io/name: {{ include "litz.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "litz.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "litz.strict" -}}
{{- if and .Values.encryption.enabled .Values.encryption.strictMode.egress.enabled -}}true{{- end -}}
{{- end -}}

{{/* Fails if two values contradict each other, and names both. */}}
{{- define "litz.validate" -}}
{{- $strict := .Values.encryption.strictMode -}}
{{- if ne $strict.egress.enabled $strict.ingress.enabled -}}
{{- fail "encryption.strictMode.egress.enabled and encryption.strictMode.ingress.enabled differ: Litz is strict only in both directions at once, so set both or none" -}}
{{- end -}}
{{- if and $strict.egress.enabled (not .Values.encryption.enabled) -}}
{{- fail "encryption.strictMode.egress.enabled is true and encryption.enabled is false: set encryption.enabled to true, or switch strictMode off" -}}
{{- end -}}
{{- if and (eq .Values.tun.mode "devicePlugin") (not .Values.tun.devicePluginResource) -}}
{{- fail "tun.mode is devicePlugin and tun.devicePluginResource is empty: set it to the name of the device plugin's resource" -}}
{{- end -}}
{{- if and (ne .Values.tun.mode "devicePlugin") .Values.tun.devicePluginResource -}}
{{- fail (printf "tun.devicePluginResource is set and tun.mode is %s: set tun.mode to devicePlugin" .Values.tun.mode) -}}
{{- end -}}
{{- if and .Values.prometheus.serviceMonitor.enabled (not .Values.prometheus.enabled) -}}
{{- fail "prometheus.serviceMonitor.enabled is true and prometheus.enabled is false: set prometheus.enabled to true, or the ServiceMonitor has no metrics to scrape" -}}
{{- end -}}
{{- if and .Values.encryption.nodeEncryption (not .Values.encryption.enabled) -}}
{{- fail "encryption.nodeEncryption is true and encryption.enabled is false: set encryption.enabled to true, or nodeEncryption to false" -}}
{{- end -}}
{{- $ports := list (.Values.port | int) (.Values.health.port | int) -}}
{{- if .Values.prometheus.enabled -}}
{{- $ports = append $ports (.Values.prometheus.port | int) -}}
{{- end -}}
{{- if ne (len $ports) (len (uniq $ports)) -}}
{{- fail "port, health.port and prometheus.port must differ, because all of them are ports of the node" -}}
{{- end -}}
{{- end -}}

{{/* The command line of the agent, with one argument in each line. */}}
{{- define "litz.agentArgs" -}}
{{- $encryption := .Values.encryption -}}
- agent
- --registry=kubernetes
- --format={{ .Values.recordFormat }}
- --node=$(NODE_NAME)
- --node-ip=$(HOST_IPS)
- --prefixes={{ .Values.prefixes }}
{{- if $encryption.strictMode.egress.cidr }}
- {{ printf "--cluster-prefix=%s" (nospace $encryption.strictMode.egress.cidr) | quote }}
{{- end }}
{{- if .Values.nodeCidr }}
- {{ printf "--node-prefix=%s" (nospace .Values.nodeCidr) | quote }}
{{- end }}
{{- if not $encryption.nodeEncryption }}
- --encrypt=pods
{{- else if $encryption.nodeEncryptionOptOutLabels }}
- --encrypt=nodes
- {{ printf "--opt-out=%s" $encryption.nodeEncryptionOptOutLabels | quote }}
{{- else }}
- --encrypt=all
{{- end }}
{{- if not $encryption.enabled }}
- --enforcement=off
{{- else if include "litz.strict" . }}
- --enforcement=enforce
{{- else }}
- --enforcement=permissive
{{- end }}
- --interface={{ .Values.interface }}
- --port={{ .Values.port }}
- --state-dir={{ .Values.stateDir }}
{{- $keepalive := $encryption.wireguard.persistentKeepalive }}
{{- $seconds := regexFind "[0-9]+" $keepalive | int }}
{{- if hasSuffix "m" $keepalive }}
{{- $seconds = mul $seconds 60 }}
{{- end }}
{{- if gt (int $seconds) 0 }}
- --persistent-keepalive={{ $seconds }}
{{- end }}
{{- if $encryption.rotateKeyEvery }}
- --rotate-key-every={{ $encryption.rotateKeyEvery }}
{{- end }}
- --health=127.0.0.1:{{ .Values.health.port }}
{{- if .Values.prometheus.enabled }}
- --metrics=:{{ .Values.prometheus.port }}
{{- end }}
{{- if .Values.startTaint.enabled }}
- --start-taint={{ .Values.startTaint.key }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The common part of the pods of both DaemonSets. */}}
{{- define "litz.podSpec" -}}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
priorityClassName: {{ .Values.priorityClassName }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "litz.podMetadata" -}}
labels:
  {{- include "litz.selectorLabels" . | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
