import{Worker as e}from"node:worker_threads";const t={float32:Float32Array,float64:Float64Array,float16:Uint16Array,int8:Int8Array,uint8:Uint8Array,int16:Int16Array,uint16:Uint16Array,int32:Int32Array,uint32:Uint32Array,int64:BigInt64Array,uint64:BigUint64Array,bool:Uint8Array},n=e=>Object.hasOwn(t,e);function r(e,r){if(!(e.data instanceof Uint8Array))return new r(`string`,[...e.data],e.shape);if(!n(e.dtype))throw Error(`The runtime cannot be fed with ${e.dtype} (${e.name}).`);let i=t[e.dtype],a=new Uint8Array(e.data).buffer;return new r(e.dtype,new i(a),e.shape)}function i(e,t){let{data:n,dims:r}=t;if(Array.isArray(n))return{name:e,dtype:`string`,shape:[...r],data:n.map(String)};let i=new Uint8Array(n.buffer,n.byteOffset,n.byteLength).slice();return{name:e,dtype:t.type,shape:[...r],data:i}}function a(e,t){return e.flatMap(e=>{let n=Object.hasOwn(t,e)?t[e]:void 0;return n===void 0?[]:[i(e,n)]})}function o(e,t){let n=Object.create(null);for(let i of e)n[i.name]=r(i,t.Tensor);return n}const s=e=>e.isTensor?{name:e.name,isTensor:!0,dtype:e.type,shape:e.shape.map(e=>e===``?null:e)}:{name:e.name,isTensor:!1,dtype:null,shape:null},c={graphOptimizationLevel:`all`,executionMode:`sequential`,interOpNumThreads:1,allowSpinning:!1};function l(e){return{executionProviders:[e.provider],graphOptimizationLevel:e.optimization??c.graphOptimizationLevel,executionMode:c.executionMode,intraOpNumThreads:e.threads,interOpNumThreads:c.interOpNumThreads,logSeverityLevel:4,extra:{session:{intra_op:{allow_spinning:`0`},inter_op:{allow_spinning:`0`}}}}}const u=`
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
`;function d(e){let t=Number(e);return e!==void 0&&Number.isFinite(t)&&t>0?t:null}function f(t){t!==null&&new e(u,{eval:!0,workerData:{limitBytes:t},stdin:!1}).unref()}export{o as a,s as c,t as i,d as n,n as o,l as r,a as s,f as t};