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

variable "repository_credential" {
  description = "File with the manifest of a Secret that opens the root repository. Its name is handed on, never its content."
  type        = string
  default     = ""
}

variable "seal_key" {
  description = "File with sealing keys, as `fleethub seal-key backup` writes them. Its name is handed on, never its content."
  type        = string
  default     = ""
}

variable "register_self" {
  description = "The hub's own cluster is a member too, under this name; none without it."
  type        = string
  default     = ""
}

variable "image" {
  description = "Image that the cluster runs the hub from, in two replicas; without it the hub runs elsewhere."
  type        = string
  default     = ""
}

variable "discover" {
  description = "Namespaces whose registrations are taken up: capi=NAMESPACE or argocd=NAMESPACE."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.discover : can(regex("^[a-z]+=[-a-z0-9,]+$", one))])
    error_message = "Each is FORM=NAMESPACE, as capi=clusters."
  }
}

variable "local" {
  description = "For a cluster of the module cluster-local: its name, and options of `fleethub hub`, none with a space in it. The hub runs beside it as a process."
  type = object({
    name    = string
    options = optional(list(string), [])
  })
  default = null

  validation {
    condition     = alltrue([for one in try(var.local.options, []) : can(regex("^[^[:space:]]+$", one))])
    error_message = "An option has no space in it: write --name=value."
  }
}
