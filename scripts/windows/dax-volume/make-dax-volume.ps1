#Requires -Version 5.1
#Requires -RunAsAdministrator
#Requires -Modules Storage
<#
.SYNOPSIS
Makes a DAX volume on a persistent memory disk.

.DESCRIPTION
Takes a disk of storage class memory, or makes one first (-CreatePmemDisk), gives it a partition over all
of it, and formats that with NTFS for direct access. A disk that has partitions is not touched without
-Force. At the end Windows is asked whether the volume is a DAX volume; if it is not, that is an error.

.PARAMETER DiskNumber
The disk. Only one of storage class memory is taken.

.PARAMETER CreatePmemDisk
Makes a persistent memory disk of the first unused region (Windows Server 2019 and later; the module
PersistentMemory). It has no block translation table.

.PARAMETER SimulatedBytes
Makes a simulated persistent memory disk of this size (Windows Server 2022 and later: New-PmemDisk
-Simulated). Whether a DAX volume can be on it is documented nowhere; the check at the end tells.

.PARAMETER DriveLetter
The volume's letter.

.PARAMETER Label
The volume's label.

.PARAMETER Force
Clears a disk that has partitions. What is on it is lost.

.PARAMETER Json
Gives the report as JSON.

.EXAMPLE
Get-Disk | Where-Object BusType -eq SCM; .\make-dax-volume.ps1 -DiskNumber 1 -DriveLetter P

.EXAMPLE
.\make-dax-volume.ps1 -CreatePmemDisk -DriveLetter P

.EXAMPLE
.\make-dax-volume.ps1 -SimulatedBytes 4GB -DriveLetter P -WhatIf
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    [Parameter(Mandatory, ParameterSetName = 'Disk')] [ValidateRange(0, 1023)] [int] $DiskNumber,
    [Parameter(Mandatory, ParameterSetName = 'Region')] [switch] $CreatePmemDisk,
    [Parameter(Mandatory, ParameterSetName = 'Simulated')] [ValidateScript({ $_ -ge 1GB })] [uint64] $SimulatedBytes,
    [Parameter(Mandatory)] [ValidatePattern('^[D-Zd-z]$')] [string] $DriveLetter,
    [ValidateLength(1, 32)] [string] $Label = 'DAX',
    [switch] $Force,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path (Split-Path -Parent $PSScriptRoot) 'daxflush.psm1') -Force

function New-Disk {
    if (-not (Get-Command New-PmemDisk -ErrorAction SilentlyContinue)) {
        throw 'New-PmemDisk is not on this system: Windows Server 2019 and later have the module PersistentMemory.'
    }
    $before = @(Get-Disk | ForEach-Object Number)
    if ($SimulatedBytes) {
        if (-not (Get-Command New-PmemDisk).Parameters.ContainsKey('Simulated')) { throw 'New-PmemDisk knows no -Simulated here.' }
        $null = New-PmemDisk -DiskSizeInBytes $SimulatedBytes -Simulated
    }
    else {
        $region = @(Get-PmemUnusedRegion)
        if (-not $region) { throw 'There is no unused region. Labels that are damaged can be written anew with Initialize-PmemPhysicalDevice, which loses what is there.' }
        $null = New-PmemDisk -RegionId $region[0].RegionId -AtomicityType None
    }
    Update-HostStorageCache
    $made = @(Get-Disk | Where-Object { $before -notcontains $_.Number })
    if ($made.Count -ne 1) { throw "Which disk is the new one is not clear: $($made.Number -join ', ')" }
    $made[0].Number
}

if (Get-Partition | Where-Object { "$($_.DriveLetter)" -eq $DriveLetter }) { throw "${DriveLetter}: is in use." }
if ($PSCmdlet.ParameterSetName -ne 'Disk') {
    if (-not $PSCmdlet.ShouldProcess('persistent memory', 'make a disk')) { return }
    $DiskNumber = New-Disk
}
$disk = Get-Disk -Number $DiskNumber
if ($disk.IsBoot -or $disk.IsSystem) { throw "Windows starts from disk $DiskNumber." }
if ("$($disk.BusType)" -ne 'SCM') { throw "Disk $DiskNumber is of the type $($disk.BusType), and not storage class memory (SCM)." }
# A new GPT disk has a reserved partition, which holds nothing.
$partitions = @(Get-Partition -DiskNumber $DiskNumber -ErrorAction SilentlyContinue | Where-Object { "$($_.Type)" -ne 'Reserved' })
if ($partitions -and -not $Force) { throw "Disk $DiskNumber has $($partitions.Count) partitions. With -Force they and what is on them are lost." }
if (-not $PSCmdlet.ShouldProcess("disk $DiskNumber ($($disk.FriendlyName), $($disk.Size) bytes)", "format as DAX volume ${DriveLetter}:")) { return }

if ($disk.IsOffline) { Set-Disk -Number $DiskNumber -IsOffline $false }
if ($disk.IsReadOnly) { Set-Disk -Number $DiskNumber -IsReadOnly $false }
if ($partitions) { Clear-Disk -Number $DiskNumber -RemoveData -Confirm:$false }
if ((Get-Disk -Number $DiskNumber).PartitionStyle -eq 'RAW') { Initialize-Disk -Number $DiskNumber -PartitionStyle GPT }
$null = New-Partition -DiskNumber $DiskNumber -UseMaximumSize -DriveLetter $DriveLetter
$null = Format-Volume -DriveLetter $DriveLetter -FileSystem NTFS -IsDAX:$true -NewFileSystemLabel $Label -Confirm:$false

$isDax = (Get-Partition -DriveLetter $DriveLetter).IsDAX
$report = [pscustomobject]@{
    volume   = "${DriveLetter}:"
    disk     = $DiskNumber
    dax      = $isDax
    fsutil   = (Invoke-Tool 'fsutil.exe' @('fsinfo', 'volumeinfo', "${DriveLetter}:") -AnyStatus).Output
    attached = $(if (Test-Loaded) { @(Read-Daxctl @('volumes', '--json')) })
}
Write-Report $report -Json:$Json
if (-not $isDax) {
    Write-Warning "${DriveLetter}: is no DAX volume: the disk does not take it (a block translation table, or a simulation)."
    exit 1
}
