variable "name" {
  description = "Name of the cluster, as `kind get clusters` shows it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.name))
    error_message = "A name is lower case letters, digits and dashes."
  }
}

variable "image" {
  description = "Image of the nodes, which says the version of Kubernetes; kind's own without it."
  type        = string
  default     = ""
}

variable "config" {
  description = "File with kind's own configuration of the cluster, if any."
  type        = string
  default     = ""
}

variable "kubeconfig" {
  description = "File to write the administrator's kubeconfig to; .fleethub/NAME.kubeconfig beside the root module without it."
  type        = string
  default     = null
}

variable "timeout" {
  description = "How long it may take until it is ready."
  type        = string
  default     = "5m"
}
