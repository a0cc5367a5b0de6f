export { value } from '../policy/mint.ts'
