import{r as e}from"./discovery.js";import{n as t,u as n}from"./parse.js";import{i as r,r as i,y as a}from"./tree-listing.js";import{t as o}from"./work-tree.js";import{t as s}from"./config-name.js";import{c,i as l,t as u}from"./errors.js";import{i as d,n as f}from"./contract-file.js";import{r as p}from"./model-inspection.js";import{t as m}from"./model-interface.js";import{t as h}from"./model-reader.js";import{t as g}from"./text-file.js";import{dirname as _,join as v,posix as y}from"node:path";import{readFileSync as b}from"node:fs";import{mkdir as x}from"node:fs/promises";var S=n();function C(e,t){return`# Checks every model that a pull request changes, and records versions on the default branch.
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
`}const w={project:`quickserveml/quickserveml`,file:`gitlab/templates/check.yml`,ref:`v0`},T=`include:
  - project: ${w.project}
    file: ${w.file}
    ref: ${w.ref}
`;function E(e){if(e===null)return T;let t=(0,S.parseDocument)(e);if(t.errors.length>0||!(t.contents===null||(0,S.isMap)(t.contents)))return null;let n=t.get(`include`,!0),r=t.createNode(w);if(n===void 0)t.set(`include`,t.createNode([w]));else if((0,S.isSeq)(n))n.add(r);else if((0,S.isMap)(n)||(0,S.isScalar)(n))t.set(`include`,t.createNode([n.toJSON(),w]));else return null;return t.toString()}const D=`quickservemlCheck(credentialsId: 'api-token', commentAuthor: 'my-app[bot]')`,O=`@Library('quickserveml') _
pipeline {
    agent { label 'linux' }
    stages {
        stage('Models') {
            steps {
                ${D}
            }
        }
    }
}
`;function k(e){switch(e.platform){case`github`:{let t=`.github/workflows/models.yml`,n=C(e.defaultBranch,e.usesLfs),r=e.read(t);return r===null?{path:t,text:n,lines:n}:r.includes(`quickserveml/quickserveml@`)?null:{path:`.github/workflows/quickserveml.yml`,text:n,lines:n}}case`gitlab`:{let t=`.gitlab-ci.yml`,n=e.read(t);return n?.includes(w.file)===!0?null:{path:t,text:E(n),lines:T}}case`jenkins`:{let t=`Jenkinsfile`,n=e.read(t);return n?.includes(`quickservemlCheck`)===!0?null:n===null?{path:t,text:O,lines:O}:{path:t,text:null,lines:`@Library('quickserveml') _\n${D}\n`}}}}function A(e,t){return e.some(e=>e.startsWith(`.github/workflows/`))?`github`:e.includes(`.gitlab-ci.yml`)?`gitlab`:e.includes(`Jenkinsfile`)?`jenkins`:t===null?null:/(^|[@/.])github\./iu.test(t)?`github`:/(^|[@/.])gitlab\./iu.test(t)?`gitlab`:null}function j(e,t){let n=`${t.path.slice(0,-y.extname(t.path).length)}.contract.json`;try{let r=h(y.join(e,t.path)),i={interface:m(r),metadata:p(r,null).metadata},a=d(f(i,null));return{...t,contractPath:n,contract:{kind:`text`,text:a}}}catch(e){return{...t,contractPath:n,contract:{kind:`unreadable`,reason:l(e)}}}}function M(e){let t=e.map(({name:e,path:t,contractPath:n,contract:r})=>[e,r.kind===`text`?{path:t,contract:n}:{path:t}]);return`# docs/configuration.md has every key. What is left out has a default.\n${(0,S.stringify)({version:1,models:Object.fromEntries(t)})}`}const N={github:[`Commit the files on a branch and open a pull request. The job token is enough.`],gitlab:[`Commit the files on a branch and open a merge request.`,`For the note: a project access token (role Reporter, scope api) as the masked variable GITLAB_TOKEN.`],jenkins:[`Add the shared library "quickserveml" to Jenkins, and a credential "api-token" (docs/jenkins.md).`,`Put the login of that token into commentAuthor, commit, and open a pull request.`]};async function P(n,r){let s=await i(n.cwd,{environment:a(r.env)}),c=[...(await o(s)).keys()],l=e=>{try{return b(v(s.root,e),`utf8`)}catch{return null}},d=n.ci??A(c,s.remote?.url??null);if(d===null)throw new u({code:`USAGE`,message:`Neither the files of the repository nor its remote say which CI it has.`,hint:`Name it: --ci github, --ci gitlab or --ci jenkins.`});let f=e(t(),c).map(e=>j(s.root,e));if(f.length===0)throw new u({code:`NO_MODELS`,message:`The repository has no .onnx file.`,hint:`Add a model, or run this in the repository that has them.`});let p={platform:d,files:[...I(d,await F(s),l),...L(f,l)],next:N[d]},m=n.yes===!0?await R(s.root,p):[];return{document:{...p,written:m},text:V(p,n.yes===!0),exitCode:0}}async function F(e){let{stdout:t}=await r(e,[`symbolic-ref`,`--quiet`,`--short`,`refs/remotes/origin/HEAD`],{accept:[0,1]}),n=t.toString(`utf8`).trim().replace(/^origin\//u,``);return n===``?e.branch??`main`:n}function I(e,t,n){let r=k({platform:e,defaultBranch:t,usesLfs:/filter=lfs/u.test(n(`.gitattributes`)??``),read:n});if(r===null)return[];let{path:i,text:a,lines:o}=r;return a===null?[{kind:`by-hand`,path:i,lines:o}]:[{kind:n(i)===null?`new`:`changed`,path:i,text:a}]}function L(e,t){let n=(e,n)=>{let r=t(e);return r===null?{kind:`new`,path:e,text:n}:{kind:`kept`,path:e,reason:r===n?`is there already`:`is there, with your own content`}};return[n(s,M(e)),...e.map(({contractPath:e,contract:t,path:r})=>t.kind===`text`?n(e,t.text):{kind:`kept`,path:e,reason:`is not written: ${r}: ${t.reason}`})]}async function R(e,t){let n=[];for(let r of t.files){if(r.kind!==`new`&&r.kind!==`changed`)continue;let t=v(e,r.path);await x(_(t),{recursive:!0}),await g(t,r.text),n.push(r.path)}return n}function z(e){let t=e.trimEnd().split(`
`),n=t.length-60;return[...t.slice(0,60).map(e=>`    ${c(e)}`),...n>0?[`    … ${n} more lines`]:[]]}function B(e,t){let n=c(e.path);switch(e.kind){case`new`:return[`${t?`Written`:`New`}: ${n}`,...z(e.text),``];case`changed`:return[`${t?`Written`:`Changed`}: ${n}`,...z(e.text),``];case`kept`:return[`Left alone: ${n} ${c(e.reason)}`];case`by-hand`:return[`By hand: add to ${n}`,...z(e.lines),``]}}function V({platform:e,files:t,next:n},r){let i=t.flatMap(e=>B(e,r)),a=!r&&t.some(({kind:e})=>e===`new`||e===`changed`)?[`Nothing is written yet: run it again with --yes.`,...n]:n;return[`QuickServeML for ${e}`,``,...i,``,...a].join(`
`)}export{P as initCommand};