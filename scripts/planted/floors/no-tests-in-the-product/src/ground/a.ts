export { value } from './b.test.ts'
