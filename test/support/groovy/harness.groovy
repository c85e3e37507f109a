/**
 * Runs steps of the shared library and whole scripted pipelines outside Jenkins: `groovy harness.groovy VARS RUNS.json`.
 * Steps of Jenkins are recorded; `sh`, `checkout`, `stash` and folders are real. A step that is neither known here nor listed
 * under `plugins` is missing, as in a Jenkins without the plugin. Declarative pipelines begin with a checkout; what they
 * declare (options, triggers, parameters) is recorded, and of `when` the conditions buildingTag and branch count. The branches of `parallel` run one after the other. Prints
 * one JSON line last, an outcome for each run. What it does not show: CPS, the sandbox, serialisation.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

class Stopped extends RuntimeException {
    Stopped(String message) { super(message) }
}

class Steps {
    Map setup
    File vars
    /** Where shell steps run: the workspace of the agent, or a folder that `dir` entered. */
    File folder
    StringBuilder log = new StringBuilder()
    List calls = []
    Map environment = [:]
    Map stashes = [:]
    Map params = [:]
    /** Whether the conditions of the stage that is being read hold. */
    boolean isWanted = true
    int agents = 0
    String result = 'SUCCESS'
    String message = null

    Object load(String name) { return scriptOf(new File(vars, "${name}.groovy").text, name) }

    Script scriptOf(String text, String name) {
        Script script = new GroovyShell(new StepBinding(steps: this)).parse(text, "${name}.groovy")
        Steps steps = this
        script.metaClass.methodMissing = { String step, Object args -> steps.invoke(step, args as List) }
        return script
    }

    Object property(String name) {
        if (name == 'env') { return environment }
        if (name == 'scm') { return 'scm' }
        if (name == 'params') { return params }
        if (name == 'docker') { return new DockerStub(steps: this) }
        if (new File(vars, "${name}.groovy").exists()) { return load(name) }
        throw new MissingPropertyException("No such property: ${name}")
    }

    Object invoke(String name, List args) {
        if (new File(vars, "${name}.groovy").exists()) { return load(name).call(*args) }
        calls << [step: name, args: recorded(args)]
        switch (name) {
            case 'isUnix': return setup.unix != false
            case 'echo': return null
            case 'error': throw new Stopped(args[0].toString())
            case 'unstable':
                result = 'UNSTABLE'
                message = args[0]
                return null
            case 'string': return args[0]
            case ['gitUsernamePassword', 'usernamePassword']: return args[0]
            case 'sarif': return args[0]
            case ['archiveArtifacts', 'properties', 'disableConcurrentBuilds']: return null
            case 'libraryResource': return new File(setup.resources.toString(), args[0].resource.toString()).bytes.encodeBase64().toString()
            case 'writeFile':
                File file = new File(folder, args[0].file.toString())
                file.parentFile.mkdirs()
                file.bytes = args[0].text.toString().decodeBase64()
                return null
            case 'withCredentials': return withCredentials(args[0] as List, args[1] as Closure)
            case 'sh': return shell(args[0] as Map)
            case 'pwd': return folder.path
            case 'dir': return inside(new File(folder, args[0].toString()), args[1] as Closure)
            case 'deleteDir': return folder.deleteDir()
            case 'node': return inside(new File(setup.workspace.toString(), "agent-${++agents}"), args.last() as Closure)
            case ['stages', 'agent', 'options', 'triggers', 'script']: return (args.last() as Closure).call()
            case ['label', 'cron']: return null
            case 'parameters':
                DeclaredParameters declared = new DeclaredParameters()
                Closure body = args[0] as Closure
                body.resolveStrategy = Closure.DELEGATE_FIRST
                body.delegate = declared
                body.call()
                params = declared.values + (setup.parameters as Map)
                return null
            case 'stage':
                isWanted = true
                return (args.last() as Closure).call()
            case 'when':
                isWanted = (args[0] as Closure).call()
                return null
            case 'buildingTag': return environment.TAG_NAME != null
            case 'branch': return environment.BRANCH_NAME == args[0]
            case 'steps': return isWanted ? (args[0] as Closure).call() : null
            case 'pipeline':
                invoke('checkout', ['scm'])
                return (args[0] as Closure).call()
            case 'parallel': return parallel(args[0] as Map)
            case 'catchError': return caught(args[0] as Map, args[1] as Closure)
            case 'checkout':
                if (run(setup.checkout.toString()) != 0) { throw new Stopped('checkout failed') }
                return null
            case 'stash': return stash(args[0] as Map)
            case 'unstash': return unstash(args[0].toString())
            case ['junit', 'recordIssues', 'publishHTML']:
                if ((setup.plugins as List).contains(name)) { return null }
        }
        throw new NoSuchMethodError("No such DSL method '${name}' found among steps")
    }

    /** The arguments as data: without bodies, and of `parallel` the names of the branches. */
    List recorded(List args) {
        return args.findAll { !(it instanceof Closure) }.collect { argument ->
            argument instanceof Map && argument.values().any { it instanceof Closure } ? argument.keySet().toList() : argument
        }
    }

    Object inside(File target, Closure body) {
        File before = folder
        folder = target
        target.mkdirs()
        try {
            return body.call()
        } finally {
            folder = before
        }
    }

    Object parallel(Map branches) {
        List failures = []
        branches.each { name, body ->
            try {
                (body as Closure).call()
            } catch (Stopped stopped) {
                log << "branch ${name}: ${stopped.message}\n"
                failures << stopped
            }
        }
        if (failures) { throw failures[0] }
        return null
    }

    Object caught(Map options, Closure body) {
        try {
            return body.call()
        } catch (Stopped stopped) {
            log << "caught: ${stopped.message}\n"
            if (options.buildResult != 'SUCCESS') {
                result = options.buildResult ?: 'FAILURE'
                message = stopped.message
            }
            return null
        }
    }

    Object stash(Map options) {
        if (!(options.name ==~ /[\w.-]+/)) { throw new Stopped("${options.name} is no name for a stash") }
        File file = new File(folder, options.includes.toString())
        if (!file.exists()) { throw new Stopped("No files included in stash ‘${options.name}’") }
        stashes[options.name.toString()] = [path: options.includes.toString(), bytes: file.bytes]
        return null
    }

    Object unstash(String name) {
        Map stash = stashes[name] as Map
        if (stash == null) { throw new Stopped("No such saved stash ‘${name}’") }
        File file = new File(folder, stash.path.toString())
        file.parentFile.mkdirs()
        file.bytes = stash.bytes as byte[]
        return null
    }

    Object withCredentials(List bindings, Closure body) {
        Map before = new LinkedHashMap(environment)
        bindings.findAll { it.variable != null }.each { environment[it.variable.toString()] = setup.secrets[it.credentialsId.toString()] }
        bindings.findAll { it.usernameVariable != null }.each {
            String secret = setup.secrets[it.credentialsId.toString()]
            environment[it.usernameVariable.toString()] = "user of ${secret}".toString()
            environment[it.passwordVariable.toString()] = secret
        }
        try {
            return body.call()
        } finally {
            environment = before
        }
    }

    Object shell(Map step) {
        int exitCode = run(step.script.toString())
        if (step.returnStatus) { return exitCode }
        if (exitCode != 0) { throw new Stopped("script returned exit code ${exitCode}") }
        return null
    }

    int run(String script) {
        ProcessBuilder builder = new ProcessBuilder('sh', '-c', script)
        builder.directory(folder)
        Map own = builder.environment()
        own.clear()
        environment.each { key, value -> if (value != null) { own[key.toString()] = value.toString() } }
        own['WORKSPACE'] = folder.path
        builder.redirectErrorStream(true)
        Process process = builder.start()
        process.outputStream.close()
        log << process.inputStream.getText('UTF-8')
        return process.waitFor()
    }
}

/** Global variables of a pipeline: `env`, `scm`, `docker`, and the library's own steps. */
class StepBinding extends Binding {
    Steps steps
    boolean hasVariable(String name) { return true }
    Object getVariable(String name) { return steps.property(name) }
}

/** Parameters of a pipeline: their names and what they are where nobody says otherwise. */
class DeclaredParameters {
    Map values = [:]
    void string(Map parameter) { values[parameter.name] = parameter.defaultValue }
}

class DockerStub {
    Steps steps
    DockerStub image(String name) {
        steps.calls << [step: 'docker.image', args: [name]]
        return this
    }
    Object inside(Closure body) { return body.call() }
}

File vars = new File(args[0])
List outcomes = (new JsonSlurper().parse(new File(args[1])) as List).collect { setup ->
    Steps steps = new Steps(setup: setup, vars: vars, folder: new File(setup.workspace.toString()))
    steps.environment = new LinkedHashMap(setup.environment as Map)
    Object returned = null
    try {
        if (setup.pipeline != null) {
            // The library is loaded already; the annotation belongs to Jenkins.
            steps.scriptOf(setup.pipeline.toString().replaceFirst(/(?m)^@Library\(.*\) _$/, ''), 'Jenkinsfile').run()
        } else {
            returned = steps.load(setup.step.toString()).call(*(setup.arguments as List))
        }
    } catch (Stopped stopped) {
        steps.result = 'FAILURE'
        steps.message = stopped.message
    }
    [result: steps.result, message: steps.message, returned: returned, calls: steps.calls, log: steps.log.toString()]
}
println JsonOutput.toJson(outcomes)
