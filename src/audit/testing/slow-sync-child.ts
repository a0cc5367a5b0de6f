// A log in a process of its own, for those that stop the process: `node slow-sync-child.ts <folder>`. Says `syncing` when one
// intent's group is being synced, which takes a second, and `written` after it; ends with the code that the log asks for.
import { writeSync } from 'node:fs'
import { intentOf, TestLog } from '../audit.support.ts'
import { kernelDisk } from '../segment-file.ts'

const SYNC_MS = 1_000

const [, , root = ''] = process.argv
const disk = { ...kernelDisk }
const audit = await new TestLog(root).unsealed({ disk, onFatal: (code) => process.exit(code) })
disk.sync = (fd, done) => {
  disk.sync = kernelDisk.sync
  setTimeout(() => kernelDisk.sync(fd, done), SYNC_MS)
  writeSync(1, 'syncing\n')
}
await audit.intent(intentOf())
writeSync(1, 'written\n')
await audit.close()
