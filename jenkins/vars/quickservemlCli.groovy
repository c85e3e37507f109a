/**
 * Runs the command line with any words, on this agent or in a container. The other steps are built on it; the options are
 * in quickservemlCli.txt.
 *
 * @return the exit code
 */
int call(Map options, List words) {
    if (!isUnix()) {
        error('QuickServeML measures on Linux agents. Run this stage on one: agent { label \'linux\' }.')
    }
    if (options.image) {
        int exitCode = 70
        docker.image(options.image.toString()).inside {
            exitCode = withSecrets(options, words)
        }
        return exitCode
    }
    return withSecrets(options, words)
}

/** Credentials reach the command by its environment alone: no argument, no file, and Jenkins masks them. */
int withSecrets(Map options, List words) {
    List bindings = []
    if (options.credentialsId) {
        bindings << string(credentialsId: options.credentialsId.toString(), variable: tokenVariable())
    }
    if (options.gitCredentialsId) {
        bindings << gitUsernamePassword(credentialsId: options.gitCredentialsId.toString(), gitToolName: 'Default')
    }
    if (options.signingKeyId) {
        bindings << string(credentialsId: options.signingKeyId.toString(), variable: 'QUICKSERVEML_SIGNING_KEY')
    }
    if (options.registryCredentialsId) {
        bindings << usernamePassword(
            credentialsId: options.registryCredentialsId.toString(),
            usernameVariable: 'QUICKSERVEML_REGISTRY_USERNAME',
            passwordVariable: 'QUICKSERVEML_REGISTRY_PASSWORD'
        )
    }
    if (options.imageKeyId) {
        bindings << string(credentialsId: options.imageKeyId.toString(), variable: 'QUICKSERVEML_IMAGE_KEY')
    }
    if (!bindings) {
        return start(options, words)
    }
    int exitCode = 70
    withCredentials(bindings) {
        exitCode = start(options, words)
    }
    return exitCode
}

/** The variable that the command line reads the token from: by the host that the change is on. */
String tokenVariable() {
    String change = env.CHANGE_URL ?: ''
    boolean onGitLab = change ? change.contains('/merge_requests/') : (env.GIT_URL ?: '').contains('gitlab')
    return onGitLab ? 'GITLAB_TOKEN' : 'GITHUB_TOKEN'
}

int start(Map options, List words) {
    String command = options.cli ?: 'npx --yes quickserveml@0'
    if (options.cli == 'library') {
        command = unpack()
    }
    String script = command
    for (int index = 0; index < words.size(); index++) {
        script += ' ' + quoted(words[index].toString())
    }
    return sh(script: script, returnStatus: true, label: "quickserveml ${words[0]}")
}

/** Closed networks: the command line out of the library's own resources (docs/jenkins.md). */
String unpack() {
    writeFile(
        file: '.quickserveml/cli.tgz',
        text: libraryResource(resource: 'quickserveml/cli.tgz', encoding: 'Base64'),
        encoding: 'Base64'
    )
    sh(script: 'tar -xzf .quickserveml/cli.tgz -C .quickserveml', label: 'quickserveml: unpack')
    return 'node .quickserveml/dist/cli.js'
}

/** One word for a POSIX shell, whatever is in it. */
String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'"
}

/** A misspelt option would silently change what is checked. */
void refuseUnknown(String step, Map options, List allowed) {
    List known = allowed + ['cli', 'image', 'credentialsId', 'gitCredentialsId', 'signingKeyId']
    List given = options.keySet() as List
    for (int index = 0; index < given.size(); index++) {
        if (!known.contains(given[index].toString())) {
            error("${step} has no option \"${given[index]}\". It has ${known.join(', ')}.")
        }
    }
}

String meaningOf(int exitCode) {
    Map meanings = [
        1: 'the gate failed', 2: 'wrong usage or configuration', 3: 'no verdict was possible', 70: 'a bug in QuickServeML'
    ]
    return meanings[exitCode] ?: 'the command was stopped'
}
