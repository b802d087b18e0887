# A hub and three members on this machine, and what the root repository says on them.

terraform {
  required_version = ">= 1.5"
}

variable "root_url" {
  description = "URL of the root repository: Applications for the clusters below."
  type        = string
}

variable "root_path" {
  description = "Folder in it."
  type        = string
  default     = "."
}

variable "root_revision" {
  description = "Branch, tag or commit."
  type        = string
  default     = "HEAD"
}

variable "root_credential" {
  description = "File with the manifest of a Secret that opens it; none where everybody may read it."
  type        = string
  default     = ""
}

variable "prefix" {
  description = "Beginning of the control planes' names on this machine."
  type        = string
  default     = "fleet"
}

variable "hub_options" {
  description = "Options of `fleethub hub`, for example [\"--allow-git=http://127.0.0.1:3000/\"] for a plain or local Git server."
  type        = list(string)
  default     = []
}

variable "members_run_pods" {
  description = "Whether members play nodes and run Pods; without, they keep objects, which is cheaper."
  type        = bool
  default     = false
}

locals {
  members = {
    dev     = { env = "dev" }
    staging = { env = "staging" }
    prod    = { env = "prod" }
  }
}

module "hub_cluster" {
  source   = "../../modules/cluster-local"
  name     = "${var.prefix}-hub"
  api_only = true
}

module "hub" {
  source     = "../../modules/hub"
  kubeconfig = module.hub_cluster.kubeconfig
  root = {
    url      = var.root_url
    path     = var.root_path
    revision = var.root_revision
  }
  repository_credential = var.root_credential
  local = {
    name    = module.hub_cluster.name
    options = var.hub_options
  }
}

module "members" {
  source   = "../../modules/cluster-local"
  for_each = local.members
  name     = "${var.prefix}-${each.key}"
  api_only = !var.members_run_pods
}

module "register" {
  source         = "../../modules/register"
  hub_kubeconfig = module.hub.kubeconfig
  clusters = {
    for name, labels in local.members : name => {
      kubeconfig = module.members[name].kubeconfig
      labels     = labels
    }
  }
}

output "hub_kubeconfig" {
  description = "export KUBECONFIG=..., and `fleethub cluster list` works."
  value       = module.hub.kubeconfig
}

output "clusters" {
  description = "The registered clusters."
  value       = module.register.names
}
