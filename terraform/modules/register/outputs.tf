output "names" {
  description = "Names of the clusters, once they are registered."
  value       = sort(keys(var.clusters))
  depends_on  = [terraform_data.registered]
}
