#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Uninstalls daxflush, and checks that nothing of it is left.

.DESCRIPTION
Unloads the filter, which is refused if a commit fails; nothing is removed then. From Windows 10 1903 on
pnputil removes the package, before that the section DefaultUninstall of its INF. Exit status 1 if
something is left; the report names it.

.PARAMETER Package
The folder with daxflush.inf, which Windows before 1903 needs.

.PARAMETER KeepSettings
Keeps the settings for the next install.ps1.

.PARAMETER Json
Gives the report as JSON.

.EXAMPLE
.\uninstall.ps1

.EXAMPLE
.\uninstall.ps1 -KeepSettings -Json
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Container })]
    [string] $Package = (Split-Path -Parent $PSScriptRoot),
    [switch] $KeepSettings,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'daxflush.psm1') -Force

Assert-Windows
$old = Get-DaxFlushInstallation
if ($old -and -not $PSCmdlet.ShouldProcess('daxflush', 'uninstall')) { return }
if ($old) {
    $settings = Get-DaxFlushSetting
    $null = Stop-DaxFlush -Confirm:$false
    if ($KeepSettings -and $settings.Count) {
        New-Item -ItemType Directory -Path $Data -Force | Out-Null
        ConvertTo-Json $settings | Set-Content -LiteralPath (Join-Path $Data 'settings.json') -Encoding UTF8
    }
    if ($old.Published) {
        foreach ($name in $old.Published) {
            $null = Invoke-Tool 'pnputil.exe' @('/delete-driver', $name, '/uninstall') -Accept 0, 3010
        }
    }
    else {
        $inf = Join-Path $Package 'daxflush.inf'
        if (-not (Test-Path -LiteralPath $inf)) { throw "daxflush.inf is not in ${Package}: name the package with -Package." }
        Invoke-InfSection -Section DefaultUninstall -Inf $inf
    }
}
$image = $(if ($old) { $old.Image })
$left = @(Get-Leftover -Image $image)
Write-Report ([pscustomobject]@{
        uninstalled = [bool] $old
        left        = $left
        settings    = $(if ($KeepSettings) { Join-Path $Data 'settings.json' })
    }) -Json:$Json
if ($left) {
    Write-Warning 'Something is left. A restart may finish it; otherwise remove what is named by hand.'
    exit 1
}
