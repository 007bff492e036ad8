#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Runs daxflush under Driver Verifier, and collects what it says.

.DESCRIPTION
For test machines only: what Driver Verifier finds stops the system with bug check 0xC4, 0xC9 or 0xE6, and
Filter Verifier stops in a kernel debugger if one is attached. In order:

  -Enable    sets Driver Verifier for daxflush.sys; it holds from the next start on
  (restart)
  -Run       loads the filter, and keeps it busy with requests on a DAX volume
  -Collect   puts settings, counters, events, dumps and the driver's answers into a folder and a zip file
  -Reset     ends it, from the next start on

From Windows 11 on /standard has the rule class for file system filters (37, with I/O verification, 5).
Before, Filter Verifier is a part of I/O verification (0x10), and the standard flags are 0x209BB. Do not
verify ntoskrnl at the same time: before build 25126 that gives false errors.

Filter Verifier knows callers by their return addresses, so it may report as leaked what an optimised
driver has released by a tail call ("leaked references to the following resources"). Such a report counts
only if a driver without that optimisation gives it, too.

.PARAMETER Enable
Sets Driver Verifier.

.PARAMETER LowResources
With -Enable: makes allocations of the driver fail at random, too, from some minutes after the start on.

.PARAMETER Status
Shows what is set, and what is verified now.

.PARAMETER Run
Does the work.

.PARAMETER Folder
A folder on a DAX volume for the files of the work.

.PARAMETER Minutes
How long the work takes.

.PARAMETER Cycles
How often the filter is unloaded and loaded again meanwhile.

.PARAMETER Threads
Threads that make requests.

.PARAMETER Collect
Collects.

.PARAMETER Output
The folder to collect into; the zip file is beside it.

.PARAMETER Reset
Ends it.

.PARAMETER Json
Gives the report as JSON.

.EXAMPLE
.\verifier.ps1 -Enable -LowResources

.EXAMPLE
.\verifier.ps1 -Run -Folder P:\stress -Minutes 60 -Cycles 20

.EXAMPLE
.\verifier.ps1 -Collect -Output C:\verifier-1

.EXAMPLE
.\verifier.ps1 -Reset
#>
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'Status')]
param(
    [Parameter(Mandatory, ParameterSetName = 'Enable')] [switch] $Enable,
    [Parameter(ParameterSetName = 'Enable')] [switch] $LowResources,
    [Parameter(ParameterSetName = 'Status')] [switch] $Status,
    [Parameter(Mandatory, ParameterSetName = 'Run')] [switch] $Run,
    [Parameter(Mandatory, ParameterSetName = 'Run')]
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Container })] [string] $Folder,
    [Parameter(ParameterSetName = 'Run')] [ValidateRange(1, 1440)] [int] $Minutes = 10,
    [Parameter(ParameterSetName = 'Run')] [ValidateRange(1, 1000)] [int] $Cycles = 5,
    [Parameter(ParameterSetName = 'Run')] [ValidateRange(1, 64)] [int] $Threads = 8,
    [Parameter(Mandatory, ParameterSetName = 'Collect')] [switch] $Collect,
    [Parameter(ParameterSetName = 'Collect')]
    [string] $Output = (Join-Path $env:TEMP "daxflush-verifier-$(Get-Date -Format yyyyMMdd-HHmmss)"),
    [Parameter(Mandatory, ParameterSetName = 'Reset')] [switch] $Reset,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'daxflush.psm1') -Force

$Driver = 'daxflush.sys'
$Results = Join-Path $Data 'verifier-run.json'

# Windows 11 is build 22000; /ruleclasses is there from 1803 on, flags everywhere.
function Get-VerifierArgument([bool] $low) {
    if ((Get-WindowsBuild) -ge 22000) {
        if (-not $low) { return '/standard', '/driver', $Driver }
        return @('/ruleclasses') + '1 2 3 4 5 6 8 9 12 18 34 37'.Split(' ') + @('/driver', $Driver)
    }
    '/flags', $(if ($low) { '0x209BF' } else { '0x209BB' }), '/driver', $Driver
}

function Test-Verified {
    [bool] ((Invoke-Tool 'verifier.exe' @('/query') -AnyStatus).Output -match [regex]::Escape($Driver))
}

function Save-Output([string] $name, [scriptblock] $command) {
    $text = try { & $command } catch { "$_" }
    $text | Out-File -LiteralPath (Join-Path $Output $name) -Encoding UTF8
}

function Invoke-Work {
    if (-not (Test-Verified)) { throw "Driver Verifier does not verify $Driver now: use -Enable and restart." }
    $null = Start-DaxFlush -Confirm:$false
    $volumes = @(Read-Daxctl @('volumes', '--json'))
    if (-not $volumes) { throw 'The filter is attached to no volume: there is no DAX volume here.' }
    $seconds = [Math]::Max(1, [int] ($Minutes * 60 / $Cycles))
    $rounds = @()
    foreach ($cycle in 1..$Cycles) {
        Write-Progress -Activity 'daxflush under Driver Verifier' -Status "$cycle of $Cycles" -PercentComplete (100 * ($cycle - 1) / $Cycles)
        $selftest = Read-Daxctl @('selftest', '--json') -AnyStatus
        $file = Join-Path $Folder "verifier-$cycle"
        $stress = Invoke-Daxctl @('stress', $file, '--seconds', "$seconds", '--threads', "$Threads", '--json') -AnyStatus
        $said = @($stress.Output) -join "`n"
        $unload = Stop-DaxFlush -Confirm:$false
        $null = Start-DaxFlush -Confirm:$false
        $rounds += [pscustomobject]@{
            cycle    = $cycle
            selftest = $selftest
            status   = $stress.Status
            stress   = $(if ($said) { ConvertFrom-Json $said })
            errors   = $stress.Errors
            dirty    = @($unload.DirtyBefore)
        }
    }
    Write-Progress -Activity 'daxflush under Driver Verifier' -Completed
    $report = [pscustomobject]@{
        passed = -not ($rounds | Where-Object { $_.status -ne 0 -or -not $_.selftest -or -not $_.selftest.passed })
        build  = Get-WindowsBuild
        rounds = $rounds
    }
    New-Item -ItemType Directory -Path $Data -Force | Out-Null
    ConvertTo-Json $report -Depth 8 | Set-Content -LiteralPath $Results -Encoding UTF8
    $report
}

function Save-Everything {
    New-Item -ItemType Directory -Path $Output -Force | Out-Null
    Save-Output 'verifier-query.txt' { (Invoke-Tool 'verifier.exe' @('/query') -AnyStatus).Output }
    Save-Output 'verifier-settings.txt' { (Invoke-Tool 'verifier.exe' @('/querysettings') -AnyStatus).Output }
    Save-Output 'filters.txt' { (Invoke-Tool 'fltmc.exe' @('filters') -AnyStatus).Output }
    Save-Output 'instances.txt' { (Invoke-Tool 'fltmc.exe' @('instances', '-f', 'daxflush') -AnyStatus).Output }
    Save-Output 'status.json' { (Invoke-Daxctl @('status', '--json') -AnyStatus).Output }
    Save-Output 'volumes.json' { (Invoke-Daxctl @('volumes', '--json') -AnyStatus).Output }
    Save-Output 'streams.json' { (Invoke-Daxctl @('streams', '--json') -AnyStatus).Output }
    Save-Output 'settings.json' { (Invoke-Daxctl @('settings', '--json') -AnyStatus).Output }
    Save-Output 'system.json' {
        [pscustomobject]@{ build = Get-WindowsBuild; machine = Get-Machine; installed = Get-DaxFlushInstallation } | ConvertTo-Json -Depth 4
    }
    $week = (Get-Date).AddDays(-7)
    Save-Output 'events.json' { ConvertTo-Json @(Get-DaxFlushEvent -Since $week) }
    Save-Output 'bug-checks.json' {
        $filter = @{ LogName = 'System'; ProviderName = 'Microsoft-Windows-WER-SystemErrorReporting'; StartTime = $week }
        ConvertTo-Json @(Get-WinEvent -FilterHashtable $filter -ErrorAction SilentlyContinue | Select-Object TimeCreated, Id, Message)
    }
    if (Test-Path -LiteralPath $Results) { Copy-Item -LiteralPath $Results -Destination (Join-Path $Output 'run.json') }
    $dumps = @(Get-ChildItem -Path (Join-Path $env:SystemRoot 'Minidump\*.dmp') -ErrorAction SilentlyContinue | Where-Object LastWriteTime -GT $week)
    foreach ($dump in $dumps) { Copy-Item -LiteralPath $dump.FullName -Destination $Output }
    $zip = "$($Output.TrimEnd('\')).zip"
    Compress-Archive -Path (Join-Path $Output '*') -DestinationPath $zip -Force
    [pscustomobject]@{ folder = $Output; zip = $zip; dumps = $dumps.Count }
}

Assert-Windows
switch ($PSCmdlet.ParameterSetName) {
    'Enable' {
        Write-Warning 'What Driver Verifier finds stops the system. Use a test machine, and restart it for the settings to hold.'
        if ($PSCmdlet.ShouldProcess($Driver, 'verify from the next start on')) {
            # 2: done, and a restart is needed.
            $set = Invoke-Tool 'verifier.exe' @(Get-VerifierArgument $LowResources.IsPresent) -Accept 0, 2
            Write-Report ([pscustomobject]@{ restart = $true; said = $set.Output }) -Json:$Json
        }
    }
    'Reset' {
        if ($PSCmdlet.ShouldProcess('Driver Verifier', 'end all verification from the next start on')) {
            $set = Invoke-Tool 'verifier.exe' @('/reset') -Accept 0, 2
            Write-Report ([pscustomobject]@{ restart = $true; said = $set.Output }) -Json:$Json
        }
    }
    'Status' {
        $settings = (Invoke-Tool 'verifier.exe' @('/querysettings') -AnyStatus).Output
        Write-Report ([pscustomobject]@{ verified = Test-Verified; settings = $settings }) -Json:$Json
    }
    'Run' {
        if ($PSCmdlet.ShouldProcess($Folder, "hammer daxflush for $Minutes minutes")) {
            $report = Invoke-Work
            Write-Report $report -Json:$Json
            if (-not $report.passed) { exit 1 }
        }
    }
    'Collect' {
        if ($PSCmdlet.ShouldProcess($Output, 'collect')) { Write-Report (Save-Everything) -Json:$Json }
    }
}
