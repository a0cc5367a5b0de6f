export { value } from '../proxy/b.ts'
