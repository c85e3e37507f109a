import{C as e,c as t,o as n,s as r,t as i}from"./work-tree.js";import{n as a,u as o}from"./parse.js";import{c as s,i as c,t as l}from"./errors.js";import{i as u,n as d}from"./contract-file.js";import{r as f}from"./model-inspection.js";import{r as p,t as m}from"./model-interface.js";import{t as h}from"./text-file.js";import{dirname as g,join as _,posix as v}from"node:path";import{readFileSync as y}from"node:fs";import{mkdir as b}from"node:fs/promises";var x=o();function S(e,t){return`# Checks every model that a pull request changes, and records versions on the default branch.
# Copy to .github/workflows/models.yml.
name: Models
on:
  pull_request:
    # A label such as accept-slower:digits takes effect without a new commit.
    types: [opened, synchronize, reopened, labeled, unlabeled]
  push:
    branches: [${e}]

permissions:
  contents: write # the registry branch; \`read\` is enough with \`record: never\`
  pull-requests: write # the comment, and reading labels
  checks: write # a check run with annotations on the models; \`statuses: write\` for a status only; or neither

# A newer commit of a pull request replaces a check that still runs; checks of the default branch all finish.
concurrency:
  group: models-\${{ github.ref }}
  cancel-in-progress: \${{ github.event_name == 'pull_request' }}

jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
${t?`        with:
          lfs: true
`:``}      - uses: quickserveml/quickserveml@v0
        id: models
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        if: always()
        with:
          name: quickserveml-report
          path: quickserveml-report
`}const C={project:`quickserveml/quickserveml`,file:`gitlab/templates/check.yml`,ref:`v0`},w=`include:
  - project: ${C.project}
    file: ${C.file}
    ref: ${C.ref}
`;function T(e){if(e===null)return w;let t=(0,x.parseDocument)(e);if(t.errors.length>0||!(t.contents===null||(0,x.isMap)(t.contents)))return null;let n=t.get(`include`,!0),r=t.createNode(C);if(n===void 0)t.set(`include`,t.createNode([C]));else if((0,x.isSeq)(n))n.add(r);else if((0,x.isMap)(n)||(0,x.isScalar)(n))t.set(`include`,t.createNode([n.toJSON(),C]));else return null;return t.toString()}const E=`quickservemlCheck(credentialsId: 'api-token', commentAuthor: 'my-app[bot]')`,D=`@Library('quickserveml') _
pipeline {
    agent { label 'linux' }
    stages {
        stage('Models') {
            steps {
                ${E}
            }
        }
    }
}
`;function O(e){switch(e.platform){case`github`:{let t=`.github/workflows/models.yml`,n=S(e.defaultBranch,e.usesLfs),r=e.read(t);return r===null?{path:t,text:n,lines:n}:r.includes(`quickserveml/quickserveml@`)?null:{path:`.github/workflows/quickserveml.yml`,text:n,lines:n}}case`gitlab`:{let t=`.gitlab-ci.yml`,n=e.read(t);return n?.includes(C.file)===!0?null:{path:t,text:T(n),lines:w}}case`jenkins`:{let t=`Jenkinsfile`,n=e.read(t);return n?.includes(`quickservemlCheck`)===!0?null:n===null?{path:t,text:D,lines:D}:{path:t,text:null,lines:`@Library('quickserveml') _\n${E}\n`}}}}function k(e,t){return e.some(e=>e.startsWith(`.github/workflows/`))?`github`:e.includes(`.gitlab-ci.yml`)?`gitlab`:e.includes(`Jenkinsfile`)?`jenkins`:t===null?null:/(^|[@/.])github\./iu.test(t)?`github`:/(^|[@/.])gitlab\./iu.test(t)?`gitlab`:null}function A(e,t){let n=`${t.path.slice(0,-v.extname(t.path).length)}.contract.json`;try{let r=p(v.join(e,t.path)),i={interface:m(r),metadata:f(r,null).metadata},a=u(d(i,null));return{...t,contractPath:n,contract:{kind:`text`,text:a}}}catch(e){return{...t,contractPath:n,contract:{kind:`unreadable`,reason:c(e)}}}}function j(e){let t=e.map(({name:e,path:t,contractPath:n,contract:r})=>[e,r.kind===`text`?{path:t,contract:n}:{path:t}]);return`# docs/configuration.md has every key. What is left out has a default.\n${(0,x.stringify)({version:1,models:Object.fromEntries(t)})}`}const M={github:[`Commit the files on a branch and open a pull request. The job token is enough.`],gitlab:[`Commit the files on a branch and open a merge request.`,`For the note: a project access token (role Reporter, scope api) as the masked variable GITLAB_TOKEN.`],jenkins:[`Add the shared library "quickserveml" to Jenkins, and a credential "api-token" (docs/jenkins.md).`,`Put the login of that token into commentAuthor, commit, and open a pull request.`]};async function N(t,o){let s=await r(t.cwd,{environment:e(o.env)}),c=[...(await i(s)).keys()],u=e=>{try{return y(_(s.root,e),`utf8`)}catch{return null}},d=t.ci??k(c,s.remote?.url??null);if(d===null)throw new l({code:`USAGE`,message:`Neither the files of the repository nor its remote say which CI it has.`,hint:`Name it: --ci github, --ci gitlab or --ci jenkins.`});let f=n(a(),c).map(e=>A(s.root,e));if(f.length===0)throw new l({code:`NO_MODELS`,message:`The repository has no .onnx file.`,hint:`Add a model, or run this in the repository that has them.`});let p={platform:d,files:[...F(d,await P(s),u),...I(f,u)],next:M[d]},m=t.yes===!0?await L(s.root,p):[];return{document:{...p,written:m},text:B(p,t.yes===!0),exitCode:0}}async function P(e){let{stdout:n}=await t(e,[`symbolic-ref`,`--quiet`,`--short`,`refs/remotes/origin/HEAD`],{accept:[0,1]}),r=n.toString(`utf8`).trim().replace(/^origin\//u,``);return r===``?e.branch??`main`:r}function F(e,t,n){let r=O({platform:e,defaultBranch:t,usesLfs:/filter=lfs/u.test(n(`.gitattributes`)??``),read:n});if(r===null)return[];let{path:i,text:a,lines:o}=r;return a===null?[{kind:`by-hand`,path:i,lines:o}]:[{kind:n(i)===null?`new`:`changed`,path:i,text:a}]}function I(e,t){let n=(e,n)=>{let r=t(e);return r===null?{kind:`new`,path:e,text:n}:{kind:`kept`,path:e,reason:r===n?`is there already`:`is there, with your own content`}};return[n(`quickserveml.yml`,j(e)),...e.map(({contractPath:e,contract:t,path:r})=>t.kind===`text`?n(e,t.text):{kind:`kept`,path:e,reason:`is not written: ${r}: ${t.reason}`})]}async function L(e,t){let n=[];for(let r of t.files){if(r.kind!==`new`&&r.kind!==`changed`)continue;let t=_(e,r.path);await b(g(t),{recursive:!0}),await h(t,r.text),n.push(r.path)}return n}function R(e){let t=e.trimEnd().split(`
`),n=t.length-60;return[...t.slice(0,60).map(e=>`    ${s(e)}`),...n>0?[`    … ${n} more lines`]:[]]}function z(e,t){let n=s(e.path);switch(e.kind){case`new`:return[`${t?`Written`:`New`}: ${n}`,...R(e.text),``];case`changed`:return[`${t?`Written`:`Changed`}: ${n}`,...R(e.text),``];case`kept`:return[`Left alone: ${n} ${s(e.reason)}`];case`by-hand`:return[`By hand: add to ${n}`,...R(e.lines),``]}}function B({platform:e,files:t,next:n},r){let i=t.flatMap(e=>z(e,r)),a=!r&&t.some(({kind:e})=>e===`new`||e===`changed`)?[`Nothing is written yet: run it again with --yes.`,...n]:n;return[`QuickServeML for ${e}`,``,...i,``,...a].join(`
`)}export{N as initCommand};