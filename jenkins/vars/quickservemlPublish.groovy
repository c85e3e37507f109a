/**
 * Publishes a serving image of a version that passed. The options are in quickservemlPublish.txt and docs/jenkins.md.
 *
 * @return a map: exitCode
 */
Map call(Map options = [:]) {
    List<String> allowed = [
        'model', 'target', 'promote', 'allowMove', 'reason', 'port', 'created', 'proofs', 'config', 'workingDirectory',
        'registryCredentialsId', 'imageKeyId'
    ]
    quickservemlCli.refuseUnknown('quickservemlPublish', options, allowed)
    if (!options.model) {
        error('quickservemlPublish: name what to publish, for example model: \'digits@1.4.2\'.')
    }
    List<String> words = ['publish', options.model.toString()]
    if (options.target) {
        words += ['--image', options.target.toString()]
    }
    if (options.promote) {
        words += ['--promote', options.promote.toString()]
    }
    if (options.reason) {
        words += ['--reason', options.reason.toString()]
    }
    for (String name in ['port', 'created', 'proofs']) {
        if (options[name]) {
            words += ["--${name}".toString(), options[name].toString()]
        }
    }
    if (options.workingDirectory) {
        words += ['--cwd', options.workingDirectory.toString()]
    }
    if (options.config) {
        words += ['--config', options.config.toString()]
    }
    if (options.allowMove == true) {
        words << '--allow-move'
    }
    int exitCode = quickservemlCli(options, words)
    if (exitCode != 0) {
        error("QuickServeML: ${quickservemlCli.meaningOf(exitCode)} (exit code ${exitCode})")
    }
    return [exitCode: exitCode]
}
