# Copies the stock file aside.
param([string]$Path)
$ErrorActionPreference = "Stop"
Copy-Item $Path "$Path.bak"
Write-Output "saved $Path"
