variable "name" {
  description = "Name of the control plane, as `fleethub local list` shows it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.name))
    error_message = "A name is lower case letters, digits and dashes."
  }
}

variable "api_only" {
  description = "Whether it is an API server alone, which keeps objects and runs nothing: cheaper, for trials of the hub."
  type        = bool
  default     = false
}

variable "kubeconfig" {
  description = "File to write the administrator's kubeconfig to; .fleethub/NAME.kubeconfig beside the root module without it."
  type        = string
  default     = null
}

variable "timeout" {
  description = "How long it may take until it is ready."
  type        = string
  default     = "2m"
}
