# Hands clusters to the hub: `fleethub cluster apply`. The administrator's credential is used once, from its file; what
# the hub gets is an account of its own, and neither is ever in the state.

terraform {
  required_version = ">= 1.5"
}

locals {
  # As `fleethub cluster apply` reads it; what is empty is left out.
  entries = {
    for name, one in var.clusters : name => {
      for key, value in {
        name             = name
        memberKubeconfig = abspath(one.kubeconfig)
        memberContext    = one.context
        server           = one.server
        ca               = one.ca
        tlsServerName    = one.tls_server_name
        proxy            = one.proxy
        labels           = one.labels
        annotations      = one.annotations
        namespaces       = one.namespaces
      } : key => value if value != null
    }
  }
}

# The end of each registration. Apart from its beginning, for a resource whose creation failed is tainted, and the
# destroy provisioner of a tainted resource is left out; and so that new labels do not take a cluster away.
resource "terraform_data" "registration" {
  for_each = local.entries
  input = {
    name       = each.key
    hub        = var.hub_kubeconfig
    context    = var.hub_context
    kubeconfig = each.value.memberKubeconfig
    member     = try(each.value.memberContext, "")
    clean      = var.clean ? "--clean" : ""
  }

  provisioner "local-exec" {
    when    = destroy
    command = <<-EOT
      fleethub cluster remove "$NAME" --yes --ignore-missing $CLEAN --kubeconfig "$HUB" $${CONTEXT:+--context "$CONTEXT"} \
        --member-kubeconfig "$FILE" $${MEMBER:+--member-context "$MEMBER"}
    EOT
    environment = {
      NAME    = self.input.name
      HUB     = self.input.hub
      CONTEXT = self.input.context
      FILE    = self.input.kubeconfig
      MEMBER  = self.input.member
      CLEAN   = self.input.clean
    }
  }
}

# One call for all: those that are missing or differ are registered side by side.
resource "terraform_data" "registered" {
  input            = sort(keys(local.entries))
  triggers_replace = [var.hub_kubeconfig, var.hub_context, local.entries, [for one in terraform_data.registration : one.id]]

  provisioner "local-exec" {
    command = <<-EOT
      command -v fleethub > /dev/null || {
        echo "fleethub is not on PATH: install it, or activate its environment (. .venv/bin/activate)" >&2
        exit 127
      }
      set -ef
      [ -n "$NAMES" ] || exit 0
      export KUBECONFIG="$HUB"
      # One variable an entry: the kernel takes 128 KiB in one, and the list of some hundred clusters is longer.
      {
        i=0
        printf '['
        while [ "$i" -lt "$COUNT" ]; do
          [ "$i" -eq 0 ] || printf ','
          printenv "ENTRY_$i"
          i=$((i + 1))
        done
        printf ']'
      } | fleethub cluster apply -f - --timeout "$TIMEOUT" $${CONTEXT:+--context "$CONTEXT"}
      [ -z "$WAIT" ] || fleethub cluster wait $NAMES --timeout "$TIMEOUT" $${CONTEXT:+--context "$CONTEXT"}
    EOT
    environment = merge(
      {
        HUB     = var.hub_kubeconfig
        CONTEXT = var.hub_context
        COUNT   = length(local.entries)
        NAMES   = join(" ", sort(keys(local.entries)))
        TIMEOUT = var.timeout
        WAIT    = var.wait ? "yes" : ""
      },
      { for index, one in values(local.entries) : "ENTRY_${index}" => jsonencode(one) },
    )
  }
}
