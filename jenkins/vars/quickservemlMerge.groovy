/**
 * Makes one report, one verdict and one comment of what `quickservemlCheck(shard: 'i/n')` left. The options are in
 * quickservemlMerge.txt and docs/jenkins.md.
 *
 * @return a map: exitCode, and the paths of the reports
 */
Map call(Map options = [:]) {
    List<String> allowed = [
        'shards', 'config', 'record', 'comment', 'commentAuthor', 'reportDir', 'workingDirectory', 'unstableOn'
    ]
    quickservemlCli.refuseUnknown('quickservemlMerge', options, allowed)
    if (!options.shards) {
        error('quickservemlMerge: say how many shards there are, for example shards: 4.')
    }
    collect(options.shards as int)
    String reports = options.reportDir ?: 'quickserveml-report'
    List<String> words = ['merge', "${pwd()}/quickserveml-shards".toString()]
    words += quickservemlCheck.placeWords(options, reports) + ['--report-format', 'sarif,openmetrics']
    words += quickservemlCheck.named(options, ['config', 'record'])
    words += quickservemlCheck.commentWords(options)
    int exitCode = quickservemlCli(options, words)
    quickservemlCheck.show(reports)
    quickservemlCheck.conclude(exitCode, options.unstableOn)
    return quickservemlCheck.outcome(exitCode, reports)
}

/** The stash of each shard; one that is not there is named by the merge, with the models that nobody judged. */
void collect(int shards) {
    dir('quickserveml-shards') {
        deleteDir()
    }
    for (int index = 1; index <= shards; index++) {
        catchError(buildResult: 'SUCCESS', stageResult: 'SUCCESS', catchInterruptions: false) {
            unstash("quickserveml-shard-${index}".toString())
        }
    }
}
