<#
.SYNOPSIS
What the scripts of daxflush share: the package, what is installed, and the tools of Windows.

.EXAMPLE
Import-Module .\daxflush.psm1; Get-DaxFlushInstallation
#>
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$ServiceKey = 'HKLM:\SYSTEM\CurrentControlSet\Services\daxflush'
$EventSourceKey = 'HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\System\daxflush'
$Data = Join-Path $env:ProgramData 'daxflush'

# From these builds on: packages with DefaultInstall are handled by pnputil, and a filter's instances
# are under Parameters.
$PrimitiveBuild = 18362
$StoreBuild = 25952

function Get-Field($object, [string] $name) {
    if ($null -ne $object -and $object.PSObject.Properties[$name]) { $object.$name }
}

function Invoke-Tool {
    <#
    .SYNOPSIS
    Runs a program, and gives its status, its output, and what it wrote to standard error.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [string] $Command,
        [Parameter(Position = 1)] [string[]] $Arguments = @(),
        [switch] $AnyStatus,
        [int[]] $Accept = @(0)
    )
    # Windows PowerShell makes an error of each line on standard error; that must not end the script.
    $ErrorActionPreference = 'Continue'
    $lines = @(& $Command @Arguments 2>&1)
    $status = $LASTEXITCODE
    $result = [pscustomobject]@{
        Status = $status
        Output = @($lines | Where-Object { $_ -isnot [System.Management.Automation.ErrorRecord] } | ForEach-Object { "$_" })
        Errors = @($lines | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] } | ForEach-Object { "$_" })
    }
    if (-not $AnyStatus -and $Accept -notcontains $status) {
        $said = (@($result.Output) + @($result.Errors)) -join "`n"
        throw "$Command $($Arguments -join ' ') ended with status ${status}:`n$said"
    }
    $result
}

function Find-Daxctl {
    <#
    .SYNOPSIS
    The path of daxctl.exe: in the package of these scripts, or on the PATH.
    #>
    [CmdletBinding()]
    param()
    $near = Join-Path (Split-Path -Parent $PSScriptRoot) 'daxctl.exe'
    if (Test-Path -LiteralPath $near) { return $near }
    $found = Get-Command 'daxctl.exe' -CommandType Application -ErrorAction SilentlyContinue
    if ($found) { return @($found)[0].Source }
    throw "daxctl.exe is neither in $(Split-Path -Parent $near) nor on the PATH"
}

function Invoke-Daxctl {
    <#
    .SYNOPSIS
    Runs daxctl with the given arguments.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [string[]] $Arguments,
        [switch] $AnyStatus
    )
    Invoke-Tool (Find-Daxctl) $Arguments -AnyStatus:$AnyStatus
}

function Read-Daxctl {
    <#
    .SYNOPSIS
    Runs daxctl with arguments among which is --json, and gives what it answers.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)] [string[]] $Arguments,
        [switch] $AnyStatus
    )
    $answer = Invoke-Daxctl $Arguments -AnyStatus:$AnyStatus
    $text = $answer.Output -join "`n"
    if (-not $text) { return }
    # Assigned first: Windows PowerShell gives an array as one object.
    $parsed = ConvertFrom-Json $text
    $parsed
}

function Start-Daxctl {
    <#
    .SYNOPSIS
    Starts daxctl and does not wait for it: its output goes to a file.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory, Position = 0)] [string[]] $Arguments,
        [Parameter(Mandatory)] [string] $Output
    )
    if ($PSCmdlet.ShouldProcess('daxctl', "$Arguments")) {
        Start-Process -FilePath (Find-Daxctl) -ArgumentList $Arguments -RedirectStandardOutput $Output -NoNewWindow -PassThru
    }
}

function Get-WindowsBuild {
    <#
    .SYNOPSIS
    The build number of this Windows.
    #>
    [CmdletBinding()]
    param()
    [int] (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion').CurrentBuildNumber
}

function Get-Machine {
    <#
    .SYNOPSIS
    The architecture of Windows itself, which an emulated process does not see: amd64 or arm64.
    #>
    [CmdletBinding()]
    param()
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
    (Get-ItemProperty $key).PROCESSOR_ARCHITECTURE.ToLowerInvariant()
}

function Assert-Windows {
    <#
    .SYNOPSIS
    Refuses systems that are too old, and 32-bit shells, which do not see pnputil and the registry.
    #>
    [CmdletBinding()]
    param()
    if (-not [Environment]::Is64BitProcess) { throw 'Run this in a 64-bit PowerShell.' }
    $build = Get-WindowsBuild
    if ($build -lt 15063) {
        throw "This is build $build; daxflush needs Windows 10 1703 (build 15063) or later."
    }
}

function Get-ImageMachine([string] $path) {
    $bytes = [IO.File]::ReadAllBytes($path)
    $header = [BitConverter]::ToInt32($bytes, 0x3c)
    switch ([BitConverter]::ToUInt16($bytes, $header + 4)) {
        0x8664 { 'amd64' }
        0xaa64 { 'arm64' }
        default { 'unknown' }
    }
}

function Get-InfVersion([string] $path) {
    $line = Select-String -LiteralPath $path -Pattern '^\s*DriverVer\s*=[^,]*,\s*([\d.]+)' | Select-Object -First 1
    if ($line) { [version] $line.Matches[0].Groups[1].Value }
}

function Get-FileVersion([string] $path) {
    $found = (Get-Item -LiteralPath $path).VersionInfo
    if ($found.FileVersion) {
        [version]::new($found.FileMajorPart, $found.FileMinorPart, $found.FileBuildPart, $found.FilePrivatePart)
    }
}

function Get-DaxFlushPackage {
    <#
    .SYNOPSIS
    What a folder with daxflush.sys, daxflush.inf and daxflush.cat holds. It must be whole.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Path)
    $Path = (Resolve-Path -LiteralPath $Path).ProviderPath
    $files = @{}
    foreach ($name in 'daxflush.sys', 'daxflush.inf', 'daxflush.cat') {
        $files[$name] = Join-Path $Path $name
        if (-not (Test-Path -LiteralPath $files[$name])) { throw "$name is not in $Path" }
    }
    $signature = Get-AuthenticodeSignature -LiteralPath $files['daxflush.cat']
    $signer = $signature.SignerCertificate
    [pscustomobject]@{
        Folder      = $Path
        Sys         = $files['daxflush.sys']
        Inf         = $files['daxflush.inf']
        Machine     = Get-ImageMachine $files['daxflush.sys']
        FileVersion = Get-FileVersion $files['daxflush.sys']
        InfVersion  = Get-InfVersion $files['daxflush.inf']
        Hash        = (Get-FileHash -LiteralPath $files['daxflush.sys']).Hash
        Signature   = "$($signature.Status)"
        Signer      = $(if ($signer) { $signer.Subject })
        # Only Microsoft's signature is taken by a kernel that is not in test mode.
        TestSigned  = -not ($signer -and $signer.Subject -match 'Microsoft Windows Hardware Compatibility Publisher')
        Certificate = Join-Path $Path 'daxflush-test.cer'
    }
}

function Resolve-ImagePath([string] $path) {
    $path = [Environment]::ExpandEnvironmentVariables($path) -replace '^\\\?\?\\', ''
    if ($path -match '^\\SystemRoot\\(.*)') { return Join-Path $env:SystemRoot $Matches[1] }
    if ([IO.Path]::IsPathRooted($path)) { return $path }
    Join-Path $env:SystemRoot $path
}

function Get-PublishedInf {
    <#
    .SYNOPSIS
    The INFs (oemNN.inf) under which the driver store holds packages of daxflush.
    #>
    [CmdletBinding()]
    param()
    # pnputil's list is in the language of the system; the INFs are not.
    Get-ChildItem -Path (Join-Path $env:SystemRoot 'INF\oem*.inf') |
        Where-Object { Select-String -LiteralPath $_.FullName -Pattern '^\s*CatalogFile\s*=\s*daxflush\.cat' -Quiet } |
        ForEach-Object { [pscustomobject]@{ Name = $_.Name; Version = Get-InfVersion $_.FullName } }
}

function Test-Loaded {
    <#
    .SYNOPSIS
    Whether the filter is loaded.
    #>
    [CmdletBinding()]
    param()
    [bool] ((Invoke-Tool 'fltmc.exe' @('filters')).Output -match '^\s*daxflush\s')
}

function Get-DaxFlushInstallation {
    <#
    .SYNOPSIS
    What of daxflush is installed here, or nothing.
    #>
    [CmdletBinding()]
    param()
    $service = Get-ItemProperty -LiteralPath $ServiceKey -ErrorAction SilentlyContinue
    $published = @(Get-PublishedInf)
    if (-not $service -and -not $published) { return }
    $stored = Get-Field $service 'ImagePath'
    $image = $(if ($stored) { Resolve-ImagePath $stored })
    $there = $image -and (Test-Path -LiteralPath $image)
    $versions = @($published | Where-Object Version | ForEach-Object Version | Sort-Object -Descending)
    [pscustomobject]@{
        Service     = [bool] $service
        Image       = $image
        FileVersion = $(if ($there) { Get-FileVersion $image })
        InfVersion  = $(if ($versions) { $versions[0] })
        Hash        = $(if ($there) { (Get-FileHash -LiteralPath $image).Hash })
        Published   = @($published | ForEach-Object Name)
        Loaded      = Test-Loaded
    }
}

function Test-DaxFlushInstallation {
    <#
    .SYNOPSIS
    What is wrong with what is installed, as sentences; none if nothing is.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory)] $Package)
    $service = Get-ItemProperty -LiteralPath $ServiceKey -ErrorAction SilentlyContinue
    if (-not $service) { return "the service's key $ServiceKey is not there" }
    if ((Get-Field $service 'Type') -ne 2) { 'the service is not of the type of a file system driver' }
    if ((Get-Field $service 'Start') -ne 3) { 'the service does not start on demand' }
    $image = Resolve-ImagePath "$(Get-Field $service 'ImagePath')"
    if (-not (Test-Path -LiteralPath $image -PathType Leaf)) { "the driver's file $image is not there" }
    elseif ((Get-FileHash -LiteralPath $image).Hash -ne $Package.Hash) { "$image is not the package's driver" }

    $instances = Join-Path $ServiceKey $(if ((Get-WindowsBuild) -ge $StoreBuild) { 'Parameters\Instances' } else { 'Instances' })
    $default = Get-Field (Get-ItemProperty -LiteralPath $instances -ErrorAction SilentlyContinue) 'DefaultInstance'
    if (-not $default) { "$instances names no default instance" }
    else {
        $instance = Get-ItemProperty -LiteralPath (Join-Path $instances $default) -ErrorAction SilentlyContinue
        if (-not (Get-Field $instance 'Altitude')) { "$instances\$default has no altitude" }
        if ($null -eq (Get-Field $instance 'Flags')) { "$instances\$default has no flags" }
    }
    $source = Get-ItemProperty -LiteralPath $EventSourceKey -ErrorAction SilentlyContinue
    if (-not (Get-Field $source 'EventMessageFile')) { "the event log's source $EventSourceKey is not there" }
}

function Get-Leftover {
    <#
    .SYNOPSIS
    What an uninstallation has left behind.
    #>
    [CmdletBinding()]
    param([string] $Image)
    if (Test-Loaded) { 'the filter is loaded' }
    if (Test-Path -LiteralPath $ServiceKey) { $ServiceKey }
    if (Test-Path -LiteralPath $EventSourceKey) { $EventSourceKey }
    $drivers = Join-Path $env:SystemRoot 'System32\drivers\daxflush.sys'
    foreach ($file in @($drivers, $Image) | Where-Object { $_ } | Select-Object -Unique) {
        if (Test-Path -LiteralPath $file) { $file }
    }
    foreach ($inf in @(Get-PublishedInf)) { "driver store: $($inf.Name)" }
}

function Get-DaxFlushSetting {
    <#
    .SYNOPSIS
    The values of the service's Parameters key that are an administrator's, as a table.
    #>
    [CmdletBinding()]
    param()
    $settings = [ordered]@{}
    $key = Get-Item -LiteralPath (Join-Path $ServiceKey 'Parameters') -ErrorAction SilentlyContinue
    if ($key) {
        foreach ($name in $key.GetValueNames() | Where-Object { $_ -and $_ -ne 'SupportedFeatures' }) {
            $settings[$name] = $key.GetValue($name)
        }
    }
    $settings
}

function Set-DaxFlushSetting {
    <#
    .SYNOPSIS
    Puts values back that an installation has changed.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([Parameter(Mandatory)] $Settings)
    $now = Get-DaxFlushSetting
    foreach ($name in @($Settings.Keys)) {
        if ($now.Contains($name) -and $now[$name] -eq $Settings[$name]) { continue }
        if ($PSCmdlet.ShouldProcess($name, "set to $($Settings[$name])")) {
            $type = $(if ($Settings[$name] -is [string]) { 'String' } else { 'DWord' })
            $key = Join-Path $ServiceKey 'Parameters'
            New-ItemProperty -LiteralPath $key -Name $name -Value $Settings[$name] -PropertyType $type -Force | Out-Null
        }
    }
}

function Get-DaxFlushEvent {
    <#
    .SYNOPSIS
    The driver's latest entries in the system's event log.
    #>
    [CmdletBinding()]
    param([datetime] $Since = (Get-Date).AddHours(-1))
    Get-WinEvent -FilterHashtable @{ LogName = 'System'; ProviderName = 'daxflush'; StartTime = $Since } `
        -MaxEvents 50 -ErrorAction SilentlyContinue |
        ForEach-Object { [pscustomobject]@{ Time = $_.TimeCreated; Id = $_.Id; Message = $_.Message } }
}

function Wait-Until([scriptblock] $condition, [int] $seconds) {
    $end = (Get-Date).AddSeconds($seconds)
    do {
        if (& $condition) { return $true }
        Start-Sleep -Milliseconds 200
    } while ((Get-Date) -lt $end)
    $false
}

function Start-DaxFlush {
    <#
    .SYNOPSIS
    Loads the filter, and gives the driver's status when it answers.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([ValidateRange(1, 600)] [int] $TimeoutSeconds = 30)
    if (-not $PSCmdlet.ShouldProcess('daxflush', 'load')) { return }
    if (-not (Test-Loaded)) {
        $loading = Invoke-Tool 'fltmc.exe' @('load', 'daxflush') -AnyStatus
        if (-not (Wait-Until { Test-Loaded } $TimeoutSeconds)) {
            $said = (@($loading.Output) + @($loading.Errors)) -join ' '
            throw "The filter did not load: $said A wrong signature, or a Windows that is not in test mode, is the usual reason."
        }
    }
    # The device is there before the filter is in the list; its answer says that both work.
    Read-Daxctl @('status', '--json')
}

function Stop-DaxFlush {
    <#
    .SYNOPSIS
    Unloads the filter, which commits every dirty stream first; says why if it refuses.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([ValidateRange(1, 3600)] [int] $TimeoutSeconds = 120)
    if (-not (Test-Loaded)) { return [pscustomobject]@{ Unloaded = $false; DirtyBefore = @() } }
    $dirty = @()
    try { $dirty = @(Read-Daxctl @('streams', '--json') | Where-Object { $_.dirty_lines -gt 0 -or $_.all_dirty }) }
    catch { Write-Warning "Which streams are dirty is not known: $_" }
    if ($dirty) { Write-Verbose "$($dirty.Count) dirty streams are committed by the unload." }
    if (-not $PSCmdlet.ShouldProcess('daxflush', 'unload')) { return }
    $since = Get-Date
    $unloading = Invoke-Tool 'fltmc.exe' @('unload', 'daxflush') -AnyStatus
    if ($unloading.Status -ne 0 -or -not (Wait-Until { -not (Test-Loaded) } $TimeoutSeconds)) {
        $said = @((@($unloading.Output) + @($unloading.Errors)) -join ' ')
        $said += 'The filter stays loaded: it refuses to go as long as a commit fails, because what is dirty would be forgotten.'
        try {
            $failed = @(Read-Daxctl @('streams', '--json') | Where-Object { $_.dirty_lines -gt 0 -or $_.all_dirty })
            $said += @($failed | ForEach-Object { "dirty: $($_.name), $($_.dirty_lines) lines, $($_.failed_commits) failed commits" })
        }
        catch { $said += "daxctl cannot tell which files: $_" }
        $said += @(Get-DaxFlushEvent -Since $since | ForEach-Object { "event log: $($_.Message)" })
        throw ($said -join "`n")
    }
    [pscustomobject]@{ Unloaded = $true; DirtyBefore = @($dirty | Select-Object name, dirty_lines, all_dirty) }
}

function Invoke-InfSection {
    <#
    .SYNOPSIS
    Processes a section of an INF as Windows before 1903 does. It tells of no failure: look at what it did.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [ValidateSet('DefaultInstall', 'DefaultUninstall')] [string] $Section,
        [Parameter(Mandatory)] [string] $Inf
    )
    # 132: the INF's own folder is the source, and a restart is asked for only if one is needed. The
    # path is the rest of the line, without quotes.
    Start-Process -FilePath 'rundll32.exe' -ArgumentList "setupapi.dll,InstallHinfSection $Section 132 $Inf" -Wait
}

function Write-Report {
    <#
    .SYNOPSIS
    Gives an object as it is, or as JSON.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory)] $Report, [switch] $Json)
    if ($Json) { ConvertTo-Json $Report -Depth 8 } else { $Report }
}

Export-ModuleMember -Variable ServiceKey, EventSourceKey, Data, PrimitiveBuild, StoreBuild -Function `
    Invoke-Tool, Find-Daxctl, Invoke-Daxctl, Read-Daxctl, Start-Daxctl, Get-WindowsBuild, Get-Machine, Assert-Windows,
    Get-DaxFlushPackage, Get-InfVersion, Get-PublishedInf, Test-Loaded, Get-DaxFlushInstallation, Test-DaxFlushInstallation,
    Get-Leftover, Get-DaxFlushSetting, Set-DaxFlushSetting, Get-DaxFlushEvent, Start-DaxFlush, Stop-DaxFlush,
    Invoke-InfSection, Write-Report
