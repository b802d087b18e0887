# A cluster in containers on this machine: `kind create cluster`. Resources as in cluster-local.

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
  triggers_replace = [var.name, var.image, var.config]

  provisioner "local-exec" {
    when    = destroy
    command = "kind delete cluster --name \"$NAME\" --kubeconfig \"$FILE\" && rm -f \"$FILE\""
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
      command -v kind > /dev/null || {
        echo "kind is not on PATH: see https://kind.sigs.k8s.io, or use the module cluster-local" >&2
        exit 127
      }
      umask 077
      mkdir -p "$(dirname "$FILE")"
      if kind get clusters 2> /dev/null | grep -qx "$NAME"; then
        kind export kubeconfig --name "$NAME" --kubeconfig "$FILE"
      else
        kind create cluster --name "$NAME" --kubeconfig "$FILE" --wait "$TIMEOUT" \
          $${IMAGE:+--image "$IMAGE"} $${CONFIG:+--config "$CONFIG"}
      fi
    EOT
    environment = {
      NAME    = var.name
      FILE    = local.kubeconfig
      IMAGE   = var.image
      CONFIG  = var.config
      TIMEOUT = var.timeout
    }
  }
}
