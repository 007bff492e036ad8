#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Loads the daxflush filter.

.DESCRIPTION
Does nothing if it is loaded. Gives the driver's status once the driver answers. Load it before the
programs that map files: of those that are mapped already it cannot know who stores to them.

.PARAMETER TimeoutSeconds
How long to wait for it.

.PARAMETER Json
Gives the status as JSON.

.EXAMPLE
.\load.ps1

.EXAMPLE
.\load.ps1 -TimeoutSeconds 60 -Json
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateRange(1, 600)] [int] $TimeoutSeconds = 30,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'daxflush.psm1') -Force

Assert-Windows
if (-not (Get-DaxFlushInstallation)) { throw 'daxflush is not installed: run install.ps1 first.' }
$status = Start-DaxFlush -TimeoutSeconds $TimeoutSeconds -WhatIf:$WhatIfPreference
if ($status) { Write-Report $status -Json:$Json }
