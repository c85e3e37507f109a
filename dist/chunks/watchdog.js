import{Worker as e}from"node:worker_threads";const t={graphOptimizationLevel:`all`,executionMode:`sequential`,interOpNumThreads:1,allowSpinning:!1};function n(e){return{executionProviders:[e.provider],graphOptimizationLevel:e.optimization??t.graphOptimizationLevel,executionMode:t.executionMode,intraOpNumThreads:e.threads,interOpNumThreads:t.interOpNumThreads,logSeverityLevel:4,extra:{session:{intra_op:{allow_spinning:`0`},inter_op:{allow_spinning:`0`}}}}}const r=`
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const parent = process.ppid;
setInterval(() => {
  if (process.memoryUsage.rss() > workerData.limitBytes) {
    writeSync(2, ${JSON.stringify(`quickserveml: memory limit exceeded
`)});
    process.kill(process.pid, 'SIGKILL');
  }
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 50);
`;function i(e){let t=Number(e);return e!==void 0&&Number.isFinite(t)&&t>0?t:null}function a(t){t!==null&&new e(r,{eval:!0,workerData:{limitBytes:t},stdin:!1}).unref()}export{i as n,n as r,a as t};