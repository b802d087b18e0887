output "name" {
  description = "Name of the cluster."
  value       = var.name
  depends_on  = [terraform_data.created]
}

output "kubeconfig" {
  description = "File with the administrator's kubeconfig: its name, never its content."
  value       = local.kubeconfig
  depends_on  = [terraform_data.created]
}
