# A real Kubernetes control plane on this machine, without containers: `fleethub local create`.
#
# Two resources, so that the end runs whatever became of the beginning: a resource whose creation failed is tainted,
# and the destroy provisioner of a tainted resource is left out.

terraform {
  required_version = ">= 1.5"
}

locals {
  kubeconfig = abspath(coalesce(var.kubeconfig, "${path.root}/.fleethub/${var.name}.kubeconfig"))
}

resource "terraform_data" "lifetime" {
  input = {
    name       = var.name
    kubeconfig = local.kubeconfig
  }
  triggers_replace = [var.name, var.api_only]

  provisioner "local-exec" {
    when    = destroy
    command = "fleethub local delete \"$NAME\" --ignore-missing --kubeconfig \"$FILE\""
    environment = {
      NAME = self.input.name
      FILE = self.input.kubeconfig
    }
  }
}

resource "terraform_data" "created" {
  input            = local.kubeconfig
  triggers_replace = [terraform_data.lifetime.id, local.kubeconfig]

  provisioner "local-exec" {
    command = <<-EOT
      command -v fleethub > /dev/null || {
        echo "fleethub is not on PATH: install it, or activate its environment (. .venv/bin/activate)" >&2
        exit 127
      }
      fleethub local create "$NAME" $API_ONLY --kubeconfig "$FILE" --timeout "$TIMEOUT"
    EOT
    environment = {
      NAME     = var.name
      FILE     = local.kubeconfig
      API_ONLY = var.api_only ? "--api-only" : ""
      TIMEOUT  = var.timeout
    }
  }
}
