# For runners without Python: the provider hashicorp/kubernetes on both sides in place of the command fleethub.
#
# Mind what the examples avoid: `terraform init` downloads a provider, and the token below is in the state. So it is a
# token for the beginning: of an hour, and the hub exchanges it at once for one of its own, which nobody else has.

terraform {
  required_version = ">= 1.5"

  required_providers {
    kubernetes = {
      source                = "hashicorp/kubernetes"
      version               = ">= 2.27"
      configuration_aliases = [kubernetes.hub, kubernetes.member]
    }
  }
}

variable "name" {
  description = "Name of the cluster on the hub."
  type        = string
}

variable "server" {
  description = "https URL of the member's API server, as the hub sees it."
  type        = string
}

variable "ca" {
  description = "Certificates that vouch for it: PEM in base64, as a module for EKS, GKE or AKS gives them."
  type        = string
}

variable "labels" {
  description = "What placements select by."
  type        = map(string)
  default     = {}
}

variable "annotations" {
  description = "Facts that templates read."
  type        = map(string)
  default     = {}
}

resource "kubernetes_namespace_v1" "fleethub" {
  provider = kubernetes.member

  metadata {
    name = "fleethub"
  }

  lifecycle {
    ignore_changes = [metadata[0].labels, metadata[0].annotations]
  }
}

resource "kubernetes_service_account_v1" "fleethub" {
  provider                        = kubernetes.member
  automount_service_account_token = false

  metadata {
    name      = "fleethub"
    namespace = kubernetes_namespace_v1.fleethub.metadata[0].name
  }
}

resource "kubernetes_cluster_role_binding_v1" "fleethub" {
  provider = kubernetes.member

  metadata {
    name = "fleethub"
  }

  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = "cluster-admin"
  }

  subject {
    kind      = "ServiceAccount"
    name      = kubernetes_service_account_v1.fleethub.metadata[0].name
    namespace = kubernetes_namespace_v1.fleethub.metadata[0].name
  }
}

resource "kubernetes_token_request_v1" "bootstrap" {
  provider = kubernetes.member

  metadata {
    name      = kubernetes_service_account_v1.fleethub.metadata[0].name
    namespace = kubernetes_namespace_v1.fleethub.metadata[0].name
  }

  spec {
    expiration_seconds = 3600
  }
}

resource "kubernetes_secret_v1" "registration" {
  provider = kubernetes.hub

  metadata {
    name        = "${var.name}-kubeconfig"
    namespace   = "fleethub"
    labels      = merge(var.labels, { "fleethub.dev/secret-type" = "cluster" })
    annotations = var.annotations
  }

  data = {
    kubeconfig = yamlencode({
      apiVersion      = "v1"
      kind            = "Config"
      current-context = var.name
      clusters        = [{ name = var.name, cluster = { server = var.server, certificate-authority-data = var.ca } }]
      users           = [{ name = var.name, user = { token = kubernetes_token_request_v1.bootstrap.token } }]
      contexts        = [{ name = var.name, context = { cluster = var.name, user = var.name } }]
    })
  }

  # A credential that the hub has got since is not put back.
  lifecycle {
    ignore_changes = [data]
  }

  depends_on = [kubernetes_cluster_role_binding_v1.fleethub]
}
