/**
 * Checks the ONNX models that a change touches. The options are in quickservemlCheck.txt and docs/jenkins.md.
 *
 * Only strings, lists and maps are kept across steps, so that a build survives a restart of the controller; nothing here
 * needs an approval in the script sandbox.
 *
 * With `shard` only a part of the models is checked; its report is stashed for quickservemlMerge, and nothing is shown.
 *
 * @return a map: exitCode, and the paths of the reports
 */
Map call(Map options = [:]) {
    List<String> allowed = [
        'config', 'models', 'base', 'record', 'budget', 'accept', 'comment', 'commentAuthor',
        'reportDir', 'workingDirectory', 'unstableOn', 'runtimePath', 'shard'
    ]
    quickservemlCli.refuseUnknown('quickservemlCheck', options, allowed)
    String reports = options.reportDir ?: 'quickserveml-report'
    if (options.shard) {
        return part(options, options.shard.toString().tokenize('/')[0])
    }
    List<String> words = checkWords(options, reports) + ['--report-format', 'sarif,openmetrics']
    words += commentWords(options)
    int exitCode = quickservemlCli(options, words)
    show(reports)
    conclude(exitCode, options.unstableOn)
    return outcome(exitCode, reports)
}

/** One shard: it has no verdict, so whatever it found is left to the merge. */
Map part(Map options, String index) {
    String reports = "quickserveml-shards/${index}".toString()
    // What an earlier build left in this workspace is not this shard's report.
    dir(reports) {
        deleteDir()
    }
    int exitCode = quickservemlCli(options, checkWords(options, reports) + ['--shard', options.shard.toString()])
    conclude(exitCode, [])
    stash(name: "quickserveml-shard-${index}".toString(), includes: "${reports}/report.json".toString())
    return outcome(exitCode, reports)
}

List<String> checkWords(Map options, String reports) {
    List<String> words = ['check'] + placeWords(options, reports)
    words += named(options, ['config', 'base', 'record', 'budget'])
    words += repeated('--model', options.models)
    words += repeated('--accept', options.accept)
    if (options.runtimePath) {
        words += ['--runtime-path', options.runtimePath.toString()]
    }
    return words
}

/** Reports go below the workspace, wherever the models are. */
List<String> placeWords(Map options, String reports) {
    return [
        '--cwd', (options.workingDirectory ?: '.').toString(), '--report-dir', "${pwd()}/${reports}".toString()
    ]
}

List<String> commentWords(Map options) {
    List<String> words = []
    if (options.comment != false) {
        words << '--comment'
    }
    if (options.commentAuthor) {
        words += ['--comment-author', options.commentAuthor.toString()]
    }
    return words
}

Map outcome(int exitCode, String reports) {
    return [exitCode: exitCode, report: "${reports}/report.json".toString(), html: "${reports}/report.html".toString()]
}

/** Options of the same name on the command line. */
List<String> named(Map options, List<String> names) {
    List<String> words = []
    for (int index = 0; index < names.size(); index++) {
        String name = names[index]
        if (options[name]) {
            words += ["--${name}".toString(), options[name].toString()]
        }
    }
    return words
}

List<String> repeated(String option, Object values) {
    List<String> words = []
    List all = values == null ? [] : (values instanceof List ? values : [values])
    for (int index = 0; index < all.size(); index++) {
        words += [option, all[index].toString()]
    }
    return words
}

/** Each report where its plugin is installed; what is missing is left out and said once. */
void show(String reports) {
    List<String> missing = []
    try {
        junit(testResults: "${reports}/junit.xml", allowEmptyResults: true, skipMarkingBuildUnstable: true)
    } catch (NoSuchMethodError absent) {
        missing << 'junit'
    }
    try {
        recordIssues(tools: [sarif(pattern: "${reports}/report.sarif", name: 'QuickServeML', id: 'quickserveml')])
    } catch (NoSuchMethodError absent) {
        missing << 'warnings-ng'
    }
    try {
        publishHTML(target: [
            reportDir: reports, reportFiles: 'report.html', reportName: 'QuickServeML',
            allowMissing: true, alwaysLinkToLastBuild: true, keepAll: true
        ])
    } catch (NoSuchMethodError absent) {
        missing << 'htmlpublisher'
    }
    archiveArtifacts(artifacts: "${reports}/**", allowEmptyArchive: true)
    if (missing) {
        echo("QuickServeML: without the plugins ${missing.join(', ')} their views are left out; the files are archived.")
    }
}

/** A failed gate fails the build; what unstableOn lists makes it unstable, 3 (no verdict was possible) unless told. */
void conclude(int exitCode, Object unstableOn) {
    if (exitCode == 0) {
        return
    }
    List unstableCodes = unstableOn == null ? [3] : unstableOn as List
    String meaning = quickservemlCli.meaningOf(exitCode)
    if (unstableCodes.contains(exitCode)) {
        unstable("QuickServeML: ${meaning} (exit code ${exitCode})")
    } else {
        error("QuickServeML: ${meaning} (exit code ${exitCode})")
    }
}
