#Requires -Version 5.1
<#
.SYNOPSIS
Makes an HLK playlist of the tests for file system filters out of one of Microsoft's playlists.

.DESCRIPTION
Microsoft's compatibility playlists (https://aka.ms/hlkplaylist) name the tests of a Windows version with
their versions and platforms. This takes over those of its tests that belong to the features
Filter.Driver.FileSystem.* and leaves out the rest, so that nothing about a test is made up here. Tests of
the list below that the playlist does not have are named; Windows versions differ in them.

For HLK Studio while developing. A submission needs Microsoft's playlist itself.

.PARAMETER Official
Microsoft's playlist for the Windows version that is tested.

.PARAMETER Output
The playlist to write.

.PARAMETER Platform
Takes only tests for platforms with this in their name, for example x64.

.PARAMETER Json
Gives the report as JSON.

.EXAMPLE
.\playlist.ps1 -Official '.\HLK Version 25H2 CompatPlaylist x64 ARM64.xml'

.EXAMPLE
.\playlist.ps1 -Official .\official.xml -Output .\arm64.xml -Platform ARM64 -Json
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })] [string] $Official,
    [string] $Output = 'daxflush.playlist.xml',
    [string] $Platform = '',
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# The names on the page "Filter.Driver tests" of the HLK's reference, without those for antivirus and network
# filters; and the one that looks for the log of static analysis.
$Tests = @(
    'Anonymous Pipe'
    'AppContainers_Tests'
    'File IO 2 Tests'
    'HyperVisor Code Integrity Readiness Test'
    'Installable File System Filter Test'
    'IntegrityStream test'
    'Mailslot Basic'
    'Mapped File IO 2'
    'Named Pipe Basic'
    'Named Pipe Kernel Security'
    'Named Pipe Reject Remote Clients'
    'Named Pipe State'
    'Object ID test'
    'Oplocks Test'
    'Registry Callback Tests'
    'ReparsePoints'
    'Scrub Test'
    'Static Tools Logo Test'
    'Syscache Test'
    'TransitionTechnologies_Tests'
    'Txfs2'
)

$playlist = New-Object System.Xml.XmlDocument
$playlist.Load((Resolve-Path -LiteralPath $Official).ProviderPath)
$root = $playlist.DocumentElement
if ($root.LocalName -ne 'Playlist' -or $root.NamespaceURI -ne 'http://schemas.microsoft.com/hlk/playlist/2014') {
    throw "$Official is not an HLK playlist"
}
$source = $root.GetAttribute('Name')
$found = @()
foreach ($test in @($root.ChildNodes)) {
    if ($test.NodeType -ne 'Element') { continue }
    $platforms = @($test.ChildNodes | Where-Object { $_.LocalName -eq 'OSPlatform' })
    $other = @($platforms | Where-Object { $Platform -and $_.GetAttribute('Name') -notlike "*$Platform*" })
    if ($test.LocalName -ne 'Test' -or $Tests -notcontains $test.GetAttribute('Name') -or
        ($platforms -and $other.Count -eq $platforms.Count)) {
        $null = $root.RemoveChild($test)
        continue
    }
    foreach ($node in $other) { $null = $test.RemoveChild($node) }
    $found += $test.GetAttribute('Name')
}
if (-not $found) { throw "$source has none of the tests" }
$root.SetAttribute('Name', "daxflush: file system filter tests of $source")
$root.SetAttribute('Id', [guid]::NewGuid().ToString())
$path = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Output)
if ($PSCmdlet.ShouldProcess($path, 'write the playlist')) { $playlist.Save($path) }
$report = [pscustomobject]@{
    playlist = $path
    from     = $source
    tests    = @($found | Sort-Object -Unique)
    missing  = @($Tests | Where-Object { $found -notcontains $_ })
}
if ($Json) { ConvertTo-Json $report } else { $report }
