export { value } from '../gate/b.ts'
