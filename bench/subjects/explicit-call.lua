wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"service":"items","method":"GET","path":"/v1/items"}'
