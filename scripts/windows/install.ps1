#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Installs daxflush, or another version of it.

.DESCRIPTION
Checks the system, the package and its signature before anything is changed. When daxflush is installed
already it is unloaded first, which commits every dirty stream and is refused if a commit fails; its
settings are kept. From Windows 10 1903 on pnputil installs the package, before that InstallHinfSection.
What was done is checked, and if it is not right everything is put back as it was.

A package that Microsoft has not signed loads only where Windows is in test mode: bcdedit /set testsigning
on, with Secure Boot off, and a restart.

.PARAMETER Package
The folder with daxflush.sys, daxflush.inf and daxflush.cat: the one above the scripts unless told
otherwise.

.PARAMETER TrustTestCertificate
Puts daxflush-test.cer into the machine's trusted roots and publishers. Every program signed with that key
is trusted from then on: for test machines only.

.PARAMETER AllowDowngrade
Installs a package that is older than what is installed.

.PARAMETER Start
Loads the filter at the end, and asks it for its status.

.PARAMETER Json
Gives the report as JSON.

.EXAMPLE
.\install.ps1 -TrustTestCertificate -Start

.EXAMPLE
.\install.ps1 -Package D:\daxflush-0.1.0-x64 -WhatIf

.EXAMPLE
.\install.ps1 -AllowDowngrade -Json
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Container })]
    [string] $Package = (Split-Path -Parent $PSScriptRoot),
    [switch] $TrustTestCertificate,
    [switch] $AllowDowngrade,
    [switch] $Start,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'daxflush.psm1') -Force

function Assert-Signature($new) {
    if ($new.Signature -eq 'NotSigned') { throw 'daxflush.cat is not signed, and Windows installs no such package.' }
    if ($new.Signature -eq 'HashMismatch') { throw 'daxflush.cat was changed after it was signed.' }
    if (-not $new.TestSigned) { return }
    $options = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions
    if ($options -notmatch 'TESTSIGNING') {
        $secure = $false
        try { $secure = Confirm-SecureBootUEFI } catch { Write-Verbose "No Secure Boot here: $_" }
        $advice = "The package is signed for tests ($($new.Signer)), and Windows is not in test mode."
        $advice += $(if ($secure) { ' Switch Secure Boot off in the firmware first; with BitLocker have the recovery key at hand.' })
        $boot = @((Invoke-Tool 'bcdedit.exe' @('/enum', '{current}')).Output -match '^\s*testsigning\s')
        $advice += ' Run bcdedit /set testsigning on, and restart.'
        if ($boot) { $advice += " The boot entry has '$(("$boot" -replace '\s+', ' ').Trim())' now; if that says yes, only the restart is missing." }
        throw $advice
    }
    if ($new.Signature -ne 'Valid' -and -not $TrustTestCertificate) {
        throw "The signature of daxflush.cat is not trusted here ($($new.Signature)). On a test machine use -TrustTestCertificate."
    }
}

function Assert-NoDowngrade($old, $new) {
    $kind = $(if ($old.FileVersion -and $new.FileVersion) { 'FileVersion' } else { 'InfVersion' })
    if (-not ($old.$kind -and $new.$kind)) { return Write-Warning 'Which version is installed is not known, so a downgrade would not be noticed.' }
    if ($new.$kind -ge $old.$kind -or $AllowDowngrade) { return }
    throw "Version $($old.$kind) is installed, and the package is $($new.$kind): an older driver may not know the settings and requests of the newer. Use -AllowDowngrade if it is meant."
}

function Save-Installation($old) {
    $folder = Join-Path $Data "before-$(Get-Date -Format yyyyMMdd-HHmmss)"
    New-Item -ItemType Directory -Path $folder -Force | Out-Null
    if ($old.Service) {
        $null = Invoke-Tool 'reg.exe' @('export', 'HKLM\SYSTEM\CurrentControlSet\Services\daxflush', (Join-Path $folder 'service.reg'), '/y')
    }
    if ($old.Image -and (Test-Path -LiteralPath $old.Image)) { Copy-Item -LiteralPath $old.Image -Destination $folder }
    foreach ($name in $old.Published) {
        $store = New-Item -ItemType Directory -Path (Join-Path $folder $name) -Force
        $null = Invoke-Tool 'pnputil.exe' @('/export-driver', $name, $store.FullName)
    }
    $folder
}

function Install-Package($inf) {
    if ((Get-WindowsBuild) -lt $PrimitiveBuild) { return Invoke-InfSection -Section DefaultInstall -Inf $inf }
    # 3010: done, and a restart is needed. 259: what is installed is as good.
    $null = Invoke-Tool 'pnputil.exe' @('/add-driver', $inf, '/install') -Accept 0, 3010, 259
}

function Remove-Package($names, $inf) {
    if ((Get-WindowsBuild) -lt $PrimitiveBuild) { return Invoke-InfSection -Section DefaultUninstall -Inf $inf }
    foreach ($name in $names) {
        $null = Invoke-Tool 'pnputil.exe' @('/delete-driver', $name, '/uninstall') -Accept 0, 3010
    }
}

function Restore-Installation($old, $new, $saved) {
    if (Test-Loaded) { $null = Stop-DaxFlush -Confirm:$false }
    $before = @(if ($old) { $old.Published })
    Remove-Package @(Get-PublishedInf | ForEach-Object Name | Where-Object { $before -notcontains $_ }) $new.Inf
    if (-not $old) { return }
    $there = @(Get-PublishedInf | ForEach-Object Name)
    foreach ($name in $old.Published | Where-Object { $there -notcontains $_ }) {
        Get-ChildItem -LiteralPath (Join-Path $saved $name) -Filter *.inf | ForEach-Object { Install-Package $_.FullName }
    }
    $file = Join-Path $saved 'daxflush.sys'
    if ($old.Image -and -not (Test-Path -LiteralPath $old.Image) -and (Test-Path -LiteralPath $file)) {
        Copy-Item -LiteralPath $file -Destination $old.Image
    }
    elseif (-not $old.Published -and (Test-Path -LiteralPath $file)) {
        Copy-Item -LiteralPath $file -Destination $old.Image -Force
    }
    if ($old.Service) { $null = Invoke-Tool 'reg.exe' @('import', (Join-Path $saved 'service.reg')) }
    if ($old.Loaded) { $null = Start-DaxFlush -Confirm:$false }
}

Assert-Windows
$new = Get-DaxFlushPackage -Path $Package
if ($new.Machine -ne (Get-Machine)) { throw "The package is for $($new.Machine), and this Windows is $(Get-Machine)." }
if (-not (Get-InfVersion $new.Inf)) { throw 'daxflush.inf has no DriverVer: it is not from a package.' }
Assert-Signature $new
$old = Get-DaxFlushInstallation
if ($old) { Assert-NoDowngrade $old $new }
$action = $(if ($old) { 'replace what is installed by' } else { 'install' })
if (-not $PSCmdlet.ShouldProcess('daxflush', "$action version $($new.InfVersion)")) { return }

if ($TrustTestCertificate) {
    if (-not (Test-Path -LiteralPath $new.Certificate)) { throw "daxflush-test.cer is not in $($new.Folder)" }
    foreach ($store in 'Root', 'TrustedPublisher') {
        $null = Import-Certificate -FilePath $new.Certificate -CertStoreLocation "Cert:\LocalMachine\$store"
    }
}
$settings = Get-DaxFlushSetting
$kept = Join-Path $Data 'settings.json'
if (-not $settings.Count -and (Test-Path -LiteralPath $kept)) {
    $stored = Get-Content -LiteralPath $kept -Raw | ConvertFrom-Json
    foreach ($value in $stored.PSObject.Properties) { $settings[$value.Name] = $value.Value }
}
$saved = $null
if ($old) {
    $saved = Save-Installation $old
    # Refused if a commit fails: then nothing was changed yet.
    $null = Stop-DaxFlush -Confirm:$false
}
try {
    $older = $(if ($old) { $old.InfVersion })
    if ($older -and $new.InfVersion -lt $older) { Remove-Package $old.Published $new.Inf }
    Install-Package $new.Inf
    $wrong = @(Test-DaxFlushInstallation -Package $new)
    if ($wrong) { throw "The installation is not right: $($wrong -join '; ')." }
    if ($settings.Count) { Set-DaxFlushSetting $settings -Confirm:$false }
    $status = $null
    if ($Start -or ($old -and $old.Loaded)) { $status = Start-DaxFlush -Confirm:$false }
}
catch {
    $reason = "$_"
    try { Restore-Installation $old $new $saved }
    catch { throw "$reason`nPutting back what was there failed, too: $_`nIt is saved in $saved." }
    throw "$reason`nEverything is as it was before."
}
Remove-Item -LiteralPath $kept -ErrorAction SilentlyContinue
if ((Get-WindowsBuild) -ge $PrimitiveBuild -and $old) {
    foreach ($inf in @(Get-PublishedInf | Where-Object { $_.Version -ne $new.InfVersion })) {
        $removed = Invoke-Tool 'pnputil.exe' @('/delete-driver', $inf.Name) -AnyStatus
        if ($removed.Status -ne 0) { Write-Warning "The old package $($inf.Name) stays in the driver store." }
    }
}
Write-Report ([pscustomobject]@{
        version  = "$($new.InfVersion)"
        replaced = $(if ($old) { "$($old.InfVersion)" })
        saved    = $saved
        loaded   = Test-Loaded
        driver   = $status
    }) -Json:$Json
