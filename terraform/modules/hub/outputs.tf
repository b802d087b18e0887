output "kubeconfig" {
  description = "File with the kubeconfig of the hub's cluster, once the hub is there: what depends on it comes after the hub."
  value       = var.kubeconfig
  depends_on  = [terraform_data.installed, terraform_data.runs]
}
