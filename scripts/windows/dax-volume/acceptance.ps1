#Requires -Version 5.1
#Requires -RunAsAdministrator
<#
.SYNOPSIS
Asks Windows what no simulator can answer about daxflush, and writes a report.

.DESCRIPTION
Each question has an answer: yes, no (the driver or an assumption about Windows is wrong), told (it may be
either; the report says what it is), or manual (this script cannot find out). Exit status 1 if one is no.
It makes one file in the folder, and deletes it.

.PARAMETER Folder
A folder on a DAX volume to which the filter is attached.

.PARAMETER Report
The JSON report to write.

.PARAMETER Reload
Also unloads and loads the filter: for what is read and done only then.

.PARAMETER StressSeconds
How long daxctl stress runs.

.PARAMETER Json
Gives the report on the screen as JSON, too.

.EXAMPLE
.\acceptance.ps1 -Folder P:\

.EXAMPLE
.\acceptance.ps1 -Folder P:\test -Report C:\acceptance.json -Reload -StressSeconds 600
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [ValidateScript({ Test-Path -LiteralPath $_ -PathType Container })] [string] $Folder,
    [string] $Report = 'daxflush-acceptance.json',
    [switch] $Reload,
    [ValidateRange(1, 86400)] [int] $StressSeconds = 30,
    [switch] $Json
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path (Split-Path -Parent $PSScriptRoot) 'daxflush.psm1') -Force

$LineBytes = 64
$FileBytes = 1MB
$Answers = New-Object System.Collections.ArrayList
$Name = "daxflush-acceptance-$PID.tmp"
$Path = Join-Path (Resolve-Path -LiteralPath $Folder).ProviderPath $Name

# A question is answered by a block that gives (answer, detail); one that throws has answered no.
function Ask([string] $id, [string] $question, [scriptblock] $block) {
    Write-Verbose $question
    try { $answer, $detail = @(& $block) }
    catch { $answer, $detail = 'no', "$_" }
    $null = $Answers.Add([pscustomobject]@{ id = $id; question = $question; answer = $answer; detail = $detail })
}

function Get-YesNo([bool] $yes) { if ($yes) { 'yes' } else { 'no' } }

function Get-Stream {
    $found = @(Read-Daxctl @('streams', '--json') | Where-Object { (Split-Path -Leaf $_.name) -eq $Name })
    if ($found.Count -ne 1) { throw "$($found.Count) streams are called $Name" }
    $found[0]
}

function Open-File([IO.FileOptions] $options = 'None') {
    # No buffer of .NET's own between the program and the file.
    New-Object IO.FileStream $Path, 'OpenOrCreate', 'ReadWrite', 'ReadWrite', 1, $options
}

function Write-Line($file, [long] $line, [byte] $value) {
    $null = $file.Seek($line * $LineBytes, 'Begin')
    $file.Write([byte[]] (, $value * $LineBytes), 0, $LineBytes)
}

function Open-View($file) {
    [IO.MemoryMappedFiles.MemoryMappedFile]::CreateFromFile(
        $file, [NullString]::Value, 0, 'ReadWrite', 'None', $true)
}

if (-not $PSCmdlet.ShouldProcess($Path, 'ask the questions with this file')) { return }
Assert-Windows
$started = Get-Date

Ask 'load' 'Does the driver load and answer?' {
    $status = Start-DaxFlush -Confirm:$false
    'yes', "driver $($status.driver), method $($status.method), eADR $($status.eadr)"
}
Ask 'volumes' 'Is the filter attached to the DAX volumes, and to no other?' {
    $dax = @(Get-Partition | Where-Object { $_.PSObject.Properties['IsDAX'] -and $_.IsDAX })
    $attached = @(Read-Daxctl @('volumes', '--json'))
    (Get-YesNo ($dax.Count -eq $attached.Count -and $dax)), "$($dax.Count) DAX partitions, attached to $(@($attached | ForEach-Object name) -join ', ')"
}
Ask 'selftest' 'Does the flush engine pass its own test on this processor?' {
    $test = Read-Daxctl @('selftest', '--json') -AnyStatus
    (Get-YesNo $test.passed), $test
}

$file = Open-File
$file.SetLength($FileBytes)
$file.Write((New-Object byte[] $FileBytes), 0, $FileBytes)
$file.Flush($true)
try {
    Ask 'flush' 'Does FlushFileBuffers commit exactly the line that was written?' {
        Write-Line $file 3 1
        $dirty = (Get-Stream).dirty_lines
        $file.Flush($true)
        $after = Get-Stream
        (Get-YesNo ($dirty -eq 1 -and $after.last_commit.lines -eq 1 -and $after.last_commit.status -eq 0 -and $after.dirty_lines -eq 0)),
            "dirty $dirty, flushed $($after.last_commit.lines), status $($after.last_commit.status)"
    }
    Ask 'plain-handles' 'Do handles without a view or section leave commits exact (MmDoesFileHaveUserWritableReferences)?' {
        $second = Open-File
        try {
            Write-Line $file 5 2
            $file.Flush($true)
            $lines = (Get-Stream).last_commit.lines
            (Get-YesNo ($lines -eq 1)), "with two handles that may write, $lines lines were flushed of one that was dirty"
        }
        finally { $second.Dispose() }
    }
    Ask 'ioctl' 'Does the commit IOCTL commit exactly what was written, while another process has the file open?' {
        Write-Line $file 7 3
        Write-Line $file 9 4
        $commit = @(Read-Daxctl @('commit', $Path, '--json'))
        (Get-YesNo ($commit[0].lines -eq 2)), $commit[0]
    }
    Ask 'write-through' 'Is a write through a FILE_FLAG_WRITE_THROUGH handle committed when it completes?' {
        $through = Open-File 'WriteThrough'
        try {
            Write-Line $through 11 5
            $after = Get-Stream
            (Get-YesNo ($after.dirty_lines -eq 0)), "dirty $($after.dirty_lines)"
        }
        finally { $through.Dispose() }
    }
    Ask 'view-truth' 'Is the driver''s data-scan view the file itself (a true mapping)?' {
        # What goes into the driver's view must be seen by a program's own view without any flush.
        $map = Open-View $file
        $view = $map.CreateViewAccessor(0, 4096)
        try {
            $null = Read-Daxctl @('tokens', $Path, '--region', '0:4096', 'write', '128', 'daxflush', '--json')
            $bytes = New-Object byte[] 8
            $null = $view.ReadArray(128, $bytes, 0, 8)
            $read = New-Object byte[] 8
            $null = $file.Seek(128, 'Begin')
            $null = $file.Read($read, 0, 8)
            $ascii = [Text.Encoding]::ASCII
            (Get-YesNo ($ascii.GetString($bytes) -eq 'daxflush' -and $ascii.GetString($read) -eq 'daxflush')),
                "through a view: $($ascii.GetString($bytes)), by ReadFile: $($ascii.GetString($read))"
        }
        finally { $view.Dispose(); $map.Dispose() }
    }
    Ask 'token-write' 'Does NTFS give a writable section for data scan (writes through tokens)?' {
        $answer = Invoke-Daxctl @('tokens', $Path, '--region', '0:4096', 'write', '0', 'x', 'persist') -AnyStatus
        (Get-YesNo ($answer.Status -eq 0)), (@($answer.Output) + @($answer.Errors) -join ' ')
    }
    Ask 'conservative' 'Does a writable view whose program reports nothing make a flush cover all of the file?' {
        $map = Open-View $file
        $view = $map.CreateViewAccessor()
        try {
            $view.Write(1024, [byte] 7)
            $file.Flush($true)
            $lines = (Get-Stream).last_commit.lines
            (Get-YesNo ($lines -eq $FileBytes / $LineBytes)), "$lines lines"
        }
        finally { $view.Dispose(); $map.Dispose() }
    }
    Ask 'flush-view' 'Is FlushViewOfFile delivered to a filter on a DAX volume?' {
        $map = Open-View $file
        $view = $map.CreateViewAccessor()
        try {
            $view.Write(2048, [byte] 8)
            $before = (Get-Stream).commits
            $view.Flush()
            $after = (Get-Stream).commits
            'told', $(if ($after -gt $before) { 'yes: it commits' } else { 'no: programs must use FlushFileBuffers or the IOCTL' })
        }
        finally { $view.Dispose(); $map.Dispose() }
    }
    Ask 'unmapped' 'Are commits exact again after the view has gone?' {
        $file.Flush($true)
        Write-Line $file 13 9
        $file.Flush($true)
        $lines = (Get-Stream).last_commit.lines
        'told', "$lines lines for one that was dirty"
    }
    Ask 'trace' 'Do the driver''s events reach a session?' {
        $out = [IO.Path]::GetTempFileName()
        try {
            $listener = Start-Daxctl @('trace', '--seconds', '6', '--events', '1', '--only', 'Commit', '--json') -Output $out -Confirm:$false
            Start-Sleep -Seconds 2
            Write-Line $file 15 10
            $file.Flush($true)
            $listener.WaitForExit()
            $text = Get-Content -LiteralPath $out -Raw
            (Get-YesNo ("$text" -match 'Commit')), "$text"
        }
        finally { Remove-Item -LiteralPath $out -ErrorAction SilentlyContinue }
    }
}
finally {
    $file.Dispose()
    Remove-Item -LiteralPath $Path -ErrorAction SilentlyContinue
}

Ask 'stress' 'Do answers, counts and contents agree under load?' {
    $stress = Invoke-Daxctl @('stress', $Path, '--seconds', "$StressSeconds", '--json') -AnyStatus
    (Get-YesNo ($stress.Status -eq 0)), ((@($stress.Output) + @($stress.Errors)) -join "`n")
}
if ($Reload) {
    Ask 'unload' 'Does the filter unload and load again?' {
        $null = Stop-DaxFlush -Confirm:$false
        $null = Start-DaxFlush -Confirm:$false
        'yes', 'done'
    }
    Ask 'event-log' 'Is a setting that cannot be used named in the event log?' {
        $before = Get-DaxFlushSetting
        $since = Get-Date
        $key = Join-Path $ServiceKey 'Parameters'
        try {
            Set-ItemProperty -LiteralPath $key -Name 'TrackingKiB' -Value 1
            $null = Stop-DaxFlush -Confirm:$false
            $null = Start-DaxFlush -Confirm:$false
            Start-Sleep -Seconds 2
            $entries = @(Get-DaxFlushEvent -Since $since)
            (Get-YesNo ([bool] ($entries | Where-Object Message -Match 'TrackingKiB'))), $entries
        }
        finally {
            Set-DaxFlushSetting $before -Confirm:$false
            $null = Stop-DaxFlush -Confirm:$false
            $null = Start-DaxFlush -Confirm:$false
        }
    }
}
foreach ($left in @(
        @('security', 'Is the device closed to those who are not authenticated, and to users for what is an administrator''s?'),
        @('power', 'Does what was committed survive a loss of power on real persistent memory?'),
        @('verifier', 'Is Driver Verifier content (verifier.ps1)?'),
        @('hlk', 'Do the HLK tests for file system filters pass (hlk/README.md)?'))) {
    $null = $Answers.Add([pscustomobject]@{ id = $left[0]; question = $left[1]; answer = 'manual'; detail = 'see README.md beside this script' })
}

$result = [pscustomobject]@{
    passed  = -not ($Answers | Where-Object answer -EQ 'no')
    started = $started.ToString('o')
    build   = Get-WindowsBuild
    machine = Get-Machine
    folder  = $Folder
    answers = $Answers
}
ConvertTo-Json $result -Depth 8 | Set-Content -LiteralPath $Report -Encoding UTF8
if ($Json) { ConvertTo-Json $result -Depth 8 } else { $Answers | Format-Table id, answer, question -AutoSize }
if (-not $result.passed) { exit 1 }
