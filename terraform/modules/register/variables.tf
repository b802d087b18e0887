variable "hub_kubeconfig" {
  description = "File with a kubeconfig of the hub's cluster; take it from the module hub, so that the hub is there first."
  type        = string
}

variable "hub_context" {
  description = "Context in it; its current one without it."
  type        = string
  default     = ""
}

variable "clusters" {
  description = <<-EOT
    The clusters by name. kubeconfig and context are those of an administrator: a file's name, never its content.
    server, ca (a file), tls_server_name and proxy say how the hub sees the cluster, where that is not as the kubeconfig says.
    namespaces are all that the hub may reach there; without them it is the whole cluster.
  EOT
  type = map(object({
    kubeconfig      = string
    context         = optional(string)
    server          = optional(string)
    ca              = optional(string)
    tls_server_name = optional(string)
    proxy           = optional(string)
    labels          = optional(map(string), {})
    annotations     = optional(map(string), {})
    namespaces      = optional(list(string))
  }))

  validation {
    condition     = alltrue([for name in keys(var.clusters) : can(regex("^[a-z0-9]([-a-z0-9.]{0,198}[a-z0-9])?$", name))])
    error_message = "A cluster's name is lower case letters, digits, dashes and dots."
  }
}

variable "wait" {
  description = "Whether to wait until each cluster is Ready and its first sync is done."
  type        = bool
  default     = true
}

variable "clean" {
  description = "Whether a cluster that leaves is first cleaned of all that the hub keeps there; otherwise what runs there stays."
  type        = bool
  default     = false
}

variable "timeout" {
  description = "How long to wait for the hub to reach the clusters, and again for their first sync."
  type        = string
  default     = "5m"
}
