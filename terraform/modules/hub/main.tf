# fleethub on a cluster, pointed at a root repository: `fleethub install`. Again is safe, and is the way to upgrade.

terraform {
  required_version = ">= 1.5"
}

resource "terraform_data" "installed" {
  input = var.kubeconfig
  triggers_replace = [
    var.kubeconfig, var.context, var.root, var.discover, var.image, var.repository_credential, var.seal_key, var.register_self,
  ]

  provisioner "local-exec" {
    command = <<-EOT
      command -v fleethub > /dev/null || {
        echo "fleethub is not on PATH: install it, or activate its environment (. .venv/bin/activate)" >&2
        exit 127
      }
      set -f
      fleethub install --kubeconfig "$FILE" $${CONTEXT:+--context "$CONTEXT"} $DISCOVER \
        $${IMAGE:+--image "$IMAGE"} $${SELF:+--register-self "$SELF"} $${KEYS:+--seal-key "$KEYS"} \
        $${ROOT:+--root "$ROOT" --path "$ROOT_PATH" --revision "$ROOT_REVISION"} \
        $${CREDENTIAL:+--repository-credential "$CREDENTIAL"}
    EOT
    environment = {
      FILE          = var.kubeconfig
      CONTEXT       = var.context
      DISCOVER      = join(" ", [for one in var.discover : "--discover ${one}"])
      ROOT          = try(var.root.url, "")
      ROOT_PATH     = try(var.root.path, "")
      ROOT_REVISION = try(var.root.revision, "")
      CREDENTIAL    = var.repository_credential
      KEYS          = var.seal_key
      SELF          = var.register_self
      IMAGE         = var.image
    }
  }
}

# The hub of a local control plane, as a process beside it. Elsewhere it runs as you run it.
resource "terraform_data" "lifetime" {
  count            = var.local == null ? 0 : 1
  input            = var.local.name
  triggers_replace = [var.local.name]

  provisioner "local-exec" {
    when    = destroy
    command = "fleethub local hub \"$NAME\" --stop --ignore-missing"
    environment = {
      NAME = self.input
    }
  }
}

resource "terraform_data" "runs" {
  count            = var.local == null ? 0 : 1
  input            = var.local.name
  triggers_replace = [terraform_data.lifetime[0].id, terraform_data.installed.id, var.local.options]

  provisioner "local-exec" {
    command = "set -f; fleethub local hub \"$NAME\" $OPTIONS"
    environment = {
      NAME    = var.local.name
      OPTIONS = join(" ", concat(var.local.options, [for one in var.discover : "--discover ${one}"]))
    }
  }
}
