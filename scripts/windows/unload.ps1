#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Unloads the daxflush filter.

.DESCRIPTION
The unload commits every dirty stream, and is refused if a commit fails. The script then says which
files are dirty and what the event log has; the filter goes on as if nothing had been asked.

.PARAMETER TimeoutSeconds
How long to wait; committing much may take its time.

.PARAMETER Json
Gives what was dirty before as JSON.

.EXAMPLE
.\unload.ps1

.EXAMPLE
.\unload.ps1 -WhatIf -Verbose
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateRange(1, 3600)] [int] $TimeoutSeconds = 120,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'daxflush.psm1') -Force

Assert-Windows
$result = Stop-DaxFlush -TimeoutSeconds $TimeoutSeconds -WhatIf:$WhatIfPreference
if ($result) { Write-Report $result -Json:$Json }
