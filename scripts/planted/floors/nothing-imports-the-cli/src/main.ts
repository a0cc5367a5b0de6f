export { value } from './cli/b.ts'
