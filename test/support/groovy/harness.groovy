/**
 * Runs a step of the shared library outside Jenkins: `groovy harness.groovy VARS STEP OPTIONS.json`. Steps of Jenkins are
 * recorded; `sh` runs for real. A step that is neither known here nor listed under `plugins` is missing, as in a Jenkins
 * without the plugin. Prints one JSON line last. What it does not show: CPS, the sandbox, serialisation.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

class Stopped extends RuntimeException {
    Stopped(String message) { super(message) }
}

class Steps {
    Map setup
    File vars
    List calls = []
    Map environment = [:]
    String result = 'SUCCESS'
    String message = null

    Object load(String name) {
        Script script = new GroovyShell(new StepBinding(steps: this)).parse(new File(vars, "${name}.groovy"))
        Steps steps = this
        script.metaClass.methodMissing = { String step, Object args -> steps.invoke(step, args as List) }
        return script
    }

    Object property(String name) {
        if (name == 'env') { return environment }
        if (name == 'docker') { return new DockerStub(steps: this) }
        if (new File(vars, "${name}.groovy").exists()) { return load(name) }
        throw new MissingPropertyException("No such property: ${name}")
    }

    Object invoke(String name, List args) {
        if (new File(vars, "${name}.groovy").exists()) { return load(name).call(*args) }
        List recorded = args.findAll { !(it instanceof Closure) }
        calls << [step: name, args: recorded]
        switch (name) {
            case 'isUnix': return setup.unix != false
            case 'echo': return null
            case 'error': throw new Stopped(args[0].toString())
            case 'unstable':
                result = 'UNSTABLE'
                message = args[0]
                return null
            case 'string': return args[0]
            case 'gitUsernamePassword': return args[0]
            case 'sarif': return args[0]
            case 'archiveArtifacts': return null
            case 'libraryResource': return new File(setup.resources.toString(), args[0].resource.toString()).bytes.encodeBase64().toString()
            case 'writeFile':
                File file = new File(setup.workspace.toString(), args[0].file.toString())
                file.parentFile.mkdirs()
                file.bytes = args[0].text.toString().decodeBase64()
                return null
            case 'withCredentials': return withCredentials(args[0] as List, args[1] as Closure)
            case 'sh': return shell(args[0] as Map)
            case ['junit', 'recordIssues', 'publishHTML']:
                if ((setup.plugins as List).contains(name)) { return null }
        }
        throw new NoSuchMethodError("No such DSL method '${name}' found among steps")
    }

    Object withCredentials(List bindings, Closure body) {
        Map before = new LinkedHashMap(environment)
        bindings.findAll { it.variable != null }.each { environment[it.variable.toString()] = setup.secrets[it.credentialsId.toString()] }
        try {
            return body.call()
        } finally {
            environment = before
        }
    }

    int shell(Map step) {
        ProcessBuilder builder = new ProcessBuilder('sh', '-c', step.script.toString())
        builder.directory(new File(setup.workspace.toString()))
        Map own = builder.environment()
        own.clear()
        environment.each { key, value -> if (value != null) { own[key.toString()] = value.toString() } }
        builder.redirectErrorStream(true)
        Process process = builder.start()
        process.outputStream.close()
        System.err << process.inputStream
        return process.waitFor()
    }
}

/** Global variables of a pipeline: `env`, `docker`, and the library's own steps. */
class StepBinding extends Binding {
    Steps steps
    boolean hasVariable(String name) { return true }
    Object getVariable(String name) { return steps.property(name) }
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
Map setup = new JsonSlurper().parse(new File(args[2])) as Map
Steps steps = new Steps(setup: setup, vars: vars)
steps.environment = new LinkedHashMap(setup.environment as Map)
Object returned = null
try {
    returned = steps.load(args[1]).call(*(setup.arguments as List))
} catch (Stopped stopped) {
    steps.result = 'FAILURE'
    steps.message = stopped.message
}
println JsonOutput.toJson([result: steps.result, message: steps.message, returned: returned, calls: steps.calls])
