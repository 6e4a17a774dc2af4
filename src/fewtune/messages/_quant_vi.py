"""Vietnamese sentences about weights stored in few bits."""

SENTENCES: dict[str, str] = {
    "plan_quantised": "{layers:,} lớp tuyến tính trong các khối được lưu ở dạng {format}: {bytes:,} byte thay vì {bytes_before:,}",
    "report_quantised": "{layers} lớp tuyến tính trong các khối được lưu ở dạng {format} và giữ cố định: {bytes} thay vì {before}. Mọi điểm số, "
    "kể cả của mô hình trước khi tinh chỉnh, là của mô hình với các trọng số này. Đặt trên mô hình gốc chưa lượng tử hóa, adapter cho một mô hình "
    "hơi khác; fewtune export ghi ra đúng mô hình đã được chấm điểm.",
    "quantized_trained": "phương pháp '{method}' huấn luyện chính trọng số của các khối ({parameter} …), mà mô hình gốc lưu ở dạng {format} thì "
    "được giữ cố định; hãy chọn --method lora, hoặc bỏ model.quantize",
    "quantized_unread": "{name}: trọng số được lượng tử hóa ở dạng '{form}', dạng này không đọc được ở đây; hãy dùng NF4 hoặc LLM.int8() của "
    "bitsandbytes, hoặc checkpoint chưa lượng tử hóa cùng với model.quantize=nf4",
    "quantized_already": "{name}: trọng số đã được lưu ở dạng {format}, không thể lưu theo cách khác; hãy bỏ model.quantize, chọn "
    "--method lora, hoặc dùng checkpoint chưa lượng tử hóa",
    "quantize_contradicts": "phương pháp '{method}' lưu mô hình gốc ở dạng {needs}, nhưng model.quantize={asked}; hãy bỏ model.quantize, hoặc "
    "chọn --method lora",
}
