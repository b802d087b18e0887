# How the outputs of modules for EKS, GKE and AKS feed `register`. The variables stand in for these outputs: put
# `module.eks.cluster_name` and its like in their place. Labels are what placements select by; annotations are facts
# that templates read, as {{ cluster.annotations.acme.example/role }}.
#
# Each vendor's own program writes an administrator's kubeconfig to a file; Terraform knows the file's name alone.

terraform {
  required_version = ">= 1.5"
}

variable "hub_kubeconfig" {
  description = "File with a kubeconfig of the hub's cluster."
  type        = string
}

variable "eks" {
  description = "Of terraform-aws-modules/eks: cluster_name, the region, the role of the workloads, and the VPC."
  type = map(object({
    cluster_name = string
    region       = string
    env          = string
    role_arn     = string
    vpc_id       = string
    zones        = list(string)
  }))
  default = {}
}

variable "gke" {
  description = "Of terraform-google-modules/kubernetes-engine: name, location, project_id, service_account, network."
  type = map(object({
    name            = string
    location        = string
    project_id      = string
    env             = string
    service_account = string
    network         = string
  }))
  default = {}
}

variable "aks" {
  description = "Of Azure/aks: aks_name, the resource group, the kubelet identity's client id, and the subnet."
  type = map(object({
    aks_name       = string
    resource_group = string
    location       = string
    env            = string
    client_id      = string
    subnet_id      = string
  }))
  default = {}
}

locals {
  folder = abspath("${path.root}/.fleethub")

  # Values go by the environment: what is written into a command is read by a shell.
  commands = merge(
    { for key, one in var.eks : key => {
      command     = "aws eks update-kubeconfig --name \"$NAME\" --region \"$PLACE\" --kubeconfig \"$FILE\""
      environment = { NAME = one.cluster_name, PLACE = one.region }
    } },
    { for key, one in var.gke : key => {
      command     = "KUBECONFIG=\"$FILE\" gcloud container clusters get-credentials \"$NAME\" --location \"$PLACE\" --project \"$OWNER\""
      environment = { NAME = one.name, PLACE = one.location, OWNER = one.project_id }
    } },
    { for key, one in var.aks : key => {
      command     = "az aks get-credentials --admin --name \"$NAME\" --resource-group \"$OWNER\" --file \"$FILE\" --overwrite-existing"
      environment = { NAME = one.aks_name, OWNER = one.resource_group }
    } },
  )

  clusters = merge(
    { for key, one in var.eks : key => {
      labels = { cloud = "aws", env = one.env, region = one.region }
      annotations = {
        "acme.example/role"    = one.role_arn
        "acme.example/zones"   = join(",", one.zones)
        "acme.example/network" = one.vpc_id
      }
    } },
    { for key, one in var.gke : key => {
      labels = { cloud = "gcp", env = one.env, region = one.location }
      annotations = {
        "acme.example/role"    = one.service_account
        "acme.example/zones"   = one.location
        "acme.example/network" = one.network
      }
    } },
    { for key, one in var.aks : key => {
      labels = { cloud = "azure", env = one.env, region = one.location }
      annotations = {
        "acme.example/role"    = one.client_id
        "acme.example/zones"   = one.location
        "acme.example/network" = one.subnet_id
      }
    } },
  )
}

resource "terraform_data" "kubeconfig" {
  for_each         = local.commands
  input            = "${local.folder}/${each.key}.kubeconfig"
  triggers_replace = [each.value]

  provisioner "local-exec" {
    command     = "umask 077 && mkdir -p \"$(dirname \"$FILE\")\" && ${each.value.command}"
    environment = merge(each.value.environment, { FILE = "${local.folder}/${each.key}.kubeconfig" })
  }
}

module "register" {
  source         = "../../modules/register"
  hub_kubeconfig = var.hub_kubeconfig
  clusters = {
    for key, one in local.clusters : key => merge(one, { kubeconfig = terraform_data.kubeconfig[key].output })
  }
}

output "clusters" {
  description = "The registered clusters."
  value       = module.register.names
}
