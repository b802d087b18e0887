variable "kubeconfig" {
  description = "File with a kubeconfig of an administrator of the hub's cluster."
  type        = string
}

variable "context" {
  description = "Context in it; its current one without it."
  type        = string
  default     = ""
}

variable "root" {
  description = "The repository of the app of apps from which the hub takes everything else; none without it."
  type = object({
    url      = string
    path     = optional(string, ".")
    revision = optional(string, "HEAD")
  })
  default = null
}

variable "discover" {
  description = "Namespaces whose registrations are taken up: capi=NAMESPACE or argocd=NAMESPACE."
  type        = list(string)
  default     = []
}

variable "local" {
  description = "For a cluster of the module cluster-local: its name, and options of `fleethub hub`, none with a space in it. The hub runs beside it as a process."
  type = object({
    name    = string
    options = optional(list(string), [])
  })
  default = null
}
