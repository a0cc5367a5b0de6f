// Loaded by a worker thread, which verifies the log that its `workerData` names and answers with the report.
import { parentPort, workerData } from 'node:worker_threads'
import { type VerifyOptions, verifyLog } from './verify.ts'

if (parentPort !== null) parentPort.postMessage(await verifyLog(workerData as VerifyOptions))
