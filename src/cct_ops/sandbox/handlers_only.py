"""The endpoints that CCT really mounts; none of them is about the canary."""

from __future__ import annotations

from dataclasses import replace

from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json, Reply, error, success
from cct_ops.sandbox.world import Call

SYMBOLS = ["AAPL", "MSFT", "GOOGL", "TSLA", "NVDA", "AMZN", "META", "NFLX", "AMD", "INTC"]


def root(call: Call) -> Reply:
    """Describe the API; four of these fields are copied to the root of the answer."""
    described = {
        "title": "CCT API v1",
        "version": "1.0.0",
        "description": "RESTful API for dual AI sentiment analysis",
        "status": "operational",
        "available_endpoints": {"data": {"health": "GET /api/v1/data/health"}},
    }
    return success(call.now, described, requestId=call.request_id)


def data_health(call: Call) -> Reply:
    """Answer healthy, always: this shows that CCT answers and nothing more."""
    body = {
        "success": True,
        "timestamp": iso(call.now),
        "system": {
            "status": "healthy",
            "enhanced_dal": True,
            "migration_system": True,
            "version": "2.0.0",
        },
        "performance": {"averageResponseTime": 12},
        "cache": {"enabled": True, "status": "operational", "hitRate": 0.9},
        "migration": {"enabled": True},
        "endpoints": {"total": 5},
    }
    return Reply(200, body)


def data_symbols(call: Call) -> Reply:
    """Answer the static list of symbols, inside an object."""
    if call.method != "GET":
        return error(call.now, 405, "Method not allowed", "METHOD_NOT_ALLOWED")
    listed = {
        "symbols": SYMBOLS,
        "count": len(SYMBOLS),
        "metadata": {
            "total_count": len(SYMBOLS),
            "last_updated": iso(call.now),
            "data_source": "CCT Configuration",
        },
    }
    extra = {"source": "fresh", "ttl": 3600, "requestId": call.request_id, "processingTime": 1}
    return success(call.now, listed, **extra)


def pre_market(call: Call) -> Reply:
    """Answer 200 around an inner failure, as CCT does before its first report of the day."""
    missing = {"success": False, "cached": False, "error": "Data not found"}
    reply = success(call.now, missing, cacheStatus="hit", requestId=call.request_id)
    body: Json = dict(reply.body) if isinstance(reply.body, dict) else {}
    return replace(reply, body=body | {"cached": True})


def sentiment(call: Call) -> Reply:
    """Answer a neutral analysis of the symbols asked for."""
    asked = [s.strip().upper() for s in call.query.get("symbols", "").split(",") if s.strip()]
    symbols = asked or SYMBOLS[:5]
    analysis = {
        "market_sentiment": {"overall": "neutral", "confidence": 0.5},
        "signals": [{"symbol": s, "sentiment": "neutral", "confidence": 0.5} for s in symbols],
        "overall_confidence": 0.5,
    }
    answer = {"symbols": symbols, "analysis": analysis, "metadata": {"requestId": call.request_id}}
    return success(call.now, answer)


def cache_health(call: Call) -> Reply:
    """Answer an assessment beside the envelope, without ``data``."""
    assessment = {
        "status": "healthy",
        "overallScore": 95,
        "l1Metrics": {"hitRate": 0.9},
        "l2Metrics": {"hitRate": 0.8},
        "issues": [],
        "recommendations": [],
    }
    return Reply(200, {"success": True, "timestamp": iso(call.now), "assessment": assessment})


def security_status(call: Call) -> Reply:
    """Answer the limits and who has run into them: CCT's only view of its rate limiting."""
    gate, now = call.world.gate, call.now
    answer = {
        "config": {
            "apiRequestsPerMinute": 60,
            "authRequestsPerMinute": 10,
            "burstAllowance": 10,
            "maxFailedAttempts": 5,
            "lockoutDurationMs": 900_000,
            "ipRequestsPerMinute": 30,
            "suspiciousActivityThreshold": 20,
        },
        "activeAPIKeys": len(gate.per_key.seen),
        "activeIPs": len(gate.per_address.seen),
        "lockedOutAPIKeys": sum(until > now for until in gate.locked_keys.values()),
        "lockedOutIPs": sum(until > now for until in gate.locked_addresses.values()),
        "recentFailedAttempts": len(gate.failures),
        "suspiciousIPs": 0,
        "authLimiterStatus": {"maxRequests": 10, "windowMs": 60_000, "remaining": 10},
    }
    return success(now, answer, requestId=call.request_id)


PATHS = {
    "data/health": data_health,
    "data/symbols": data_symbols,
    "reports/pre-market": pre_market,
    "sentiment/analysis": sentiment,
    "cache/health": cache_health,
    "security/status": security_status,
}
PUBLIC = frozenset({"data/health", "data/symbols", "cache/health"})
